// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kit {

/// A link that is part of what it links: joining and leaving a list allocates nothing, and a
/// destroyed node leaves its list by itself. `Tag` tells the lists apart when one object is in
/// several.
template <class Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class, class>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

/// A doubly linked list of `T`, which derives from `ListNode<Tag>`. Owns nothing.
template <class T, class Tag>
class IntrusiveList {
 public:
  IntrusiveList() { head_.next_ = head_.previous_ = &head_; }
  ~IntrusiveList() {
    while (!empty()) head_.next_->unlink();
    head_.next_ = head_.previous_ = nullptr;
  }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return head_.next_ == &head_; }
  void push_back(T& item) {
    ListNode<Tag>& node = item;
    node.previous_ = head_.previous_;
    node.next_ = &head_;
    head_.previous_->next_ = &node;
    head_.previous_ = &node;
  }
  T& front() { return static_cast<T&>(*head_.next_); }
  T& pop_front() {
    T& item = front();
    static_cast<ListNode<Tag>&>(item).unlink();
    return item;
  }
  /// Moves everything of `other` to the end of this list.
  void splice(IntrusiveList& other) {
    while (!other.empty()) push_back(other.pop_front());
  }
  template <class F>
  void for_each(F&& f) const {
    for (auto* node = head_.next_; node != &head_;) {
      auto* next = node->next_;
      f(static_cast<T&>(*node));
      node = next;
    }
  }

 private:
  mutable ListNode<Tag> head_;
};

}  // namespace kit
