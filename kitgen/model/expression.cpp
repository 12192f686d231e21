// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/detail/expression.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/schema/diagnostics.hpp"

namespace kitgen::model {
namespace {

using Kind = Expression::Kind;
using schema::in_quotes;

struct Token {
  enum class Kind { end, number, text, word, mark };
  Kind kind = Kind::end;
  std::string text;
  std::size_t offset = 0;
  std::size_t length = 1;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// A mistake was told; the rest of the text is not looked at.
struct Stop {};

class Lexer {
 public:
  Lexer(std::string_view text, const ExpressionError& fail) : text_(text), fail_(fail) {}

  Token next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    Token token;
    token.offset = at_;
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (is_digit(c)) {
      token.kind = Token::Kind::number;
      take(token, [](char each) { return is_digit(each) || each == '.'; });
    } else if (is_letter(c)) {
      token.kind = Token::Kind::word;
      take(token, [](char each) { return is_letter(each) || is_digit(each); });
    } else if (c == '\'') {
      read_text(token);
    } else {
      read_mark(token);
    }
    token.length = at_ - token.offset;
    return token;
  }

 private:
  template <class Accept>
  void take(Token& token, Accept accept) {
    while (at_ < text_.size() && accept(text_[at_])) token.text += text_[at_++];
  }

  /// 'it''s'
  void read_text(Token& token) {
    token.kind = Token::Kind::text;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\'' && text_.substr(at_ + 1, 1) != "'") {
        ++at_;
        return;
      }
      if (text_[at_] == '\'') ++at_;
      token.text += text_[at_];
    }
    fail_(token.offset, 1, "the text opened here is never closed", "");
    throw Stop{};
  }

  void read_mark(Token& token) {
    static constexpr std::array<std::string_view, 16> marks{
        "||", "<=", ">=", "<>", "!=", "==", "(", ")", ",", "+", "-", "*", "/", "=", "<", ">"};
    token.kind = Token::Kind::mark;
    for (const std::string_view mark : marks) {
      if (text_.substr(at_, mark.size()) != mark) continue;
      token.text = mark;
      at_ += mark.size();
      return;
    }
    const bool is_quote = text_[at_] == '"';
    fail_(at_, 1, in_quotes(text_.substr(at_, 1)) + " means nothing in an expression",
          is_quote ? "texts stand in single quotes: 'x'" : "");
    throw Stop{};
  }

  std::string_view text_;
  const ExpressionError& fail_;
  std::size_t at_ = 0;
};

class Parser {
 public:
  Parser(std::string_view text, const ExpressionError& fail)
      : lexer_(text, fail), fail_(fail), token_(lexer_.next()) {}

  Expression read_all() {
    if (token_.kind == Token::Kind::end) stop("the expression is empty");
    Expression result = read_or();
    if (token_.kind != Token::Kind::end) unexpected("an operator or the end");
    return result;
  }

 private:
  /// Words of the language in any case, as in SQL.
  bool is_word(std::string_view word) const {
    return token_.kind == Token::Kind::word && kit::to_lower(token_.text) == word;
  }
  bool is_mark(std::string_view mark) const {
    return token_.kind == Token::Kind::mark && token_.text == mark;
  }
  Token take() { return std::exchange(token_, lexer_.next()); }
  bool take_word(std::string_view word) {
    if (!is_word(word)) return false;
    take();
    return true;
  }
  void expect_word(std::string_view word) {
    if (!take_word(word)) unexpected(in_quotes(word));
  }
  void expect_mark(std::string_view mark) {
    if (!is_mark(mark)) unexpected(in_quotes(mark));
    take();
  }

  [[noreturn]] void stop(std::string message, std::string help = "") {
    fail_(token_.offset, token_.length, std::move(message), std::move(help));
    throw Stop{};
  }
  [[noreturn]] void unexpected(const std::string& wanted) {
    const std::string found = token_.kind == Token::Kind::end ? "the expression ends"
                                                              : in_quotes(token_.text) + " stands";
    stop(found + " where " + wanted + " is expected");
  }

  static Expression call(std::string name, const Token& at, std::vector<Expression> operands) {
    return {Kind::call, std::move(name), at.offset, at.length, std::move(operands)};
  }
  static Expression call(std::string name, const Token& at, Expression a, Expression b) {
    std::vector<Expression> operands;
    operands.push_back(std::move(a));
    operands.push_back(std::move(b));
    return call(std::move(name), at, std::move(operands));
  }

  Expression read_or() {
    if (++depth_ > max_expression_depth)
      stop("the expression is nested more than " + std::to_string(max_expression_depth) +
           " levels deep");
    Expression left = read_and();
    while (is_word("or")) {
      const Token at = take();
      left = call("or", at, std::move(left), read_and());
    }
    --depth_;
    return left;
  }

  Expression read_and() {
    Expression left = read_not();
    while (is_word("and")) {
      const Token at = take();
      left = call("and", at, std::move(left), read_not());
    }
    return left;
  }

  Expression read_not() {
    std::vector<Token> nots;
    while (is_word("not")) nots.push_back(take());
    Expression result = read_comparison();
    for (; !nots.empty(); nots.pop_back()) result = wrap("not", nots.back(), std::move(result));
    return result;
  }

  static Expression wrap(std::string name, const Token& at, Expression operand) {
    std::vector<Expression> operands;
    operands.push_back(std::move(operand));
    return call(std::move(name), at, std::move(operands));
  }

  Expression read_comparison() {
    Expression left = read_concat();
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> comparisons{
        {{"=", "="},
         {"==", "="},
         {"!=", "!="},
         {"<>", "!="},
         {"<", "<"},
         {"<=", "<="},
         {">", ">"},
         {">=", ">="}}};
    for (const auto& [mark, name] : comparisons) {
      if (!is_mark(mark)) continue;
      const Token at = take();
      return call(std::string(name), at, std::move(left), read_concat());
    }
    if (!is_word("is")) return left;
    const Token at = take();
    const bool negated = take_word("not");
    expect_word("null");
    Expression test = wrap("is null", at, std::move(left));
    return negated ? wrap("not", at, std::move(test)) : test;
  }

  /// Operators of one rank, from left to right.
  template <class Next, std::size_t N>
  Expression read_rank(const std::array<std::string_view, N>& marks, Next next) {
    Expression left = next();
    while (token_.kind == Token::Kind::mark &&
           std::ranges::find(marks, token_.text) != marks.end()) {
      const Token at = take();
      left = call(at.text, at, std::move(left), next());
    }
    return left;
  }
  Expression read_concat() {
    return read_rank(std::array<std::string_view, 1>{"||"}, [&] { return read_sum(); });
  }
  Expression read_sum() {
    return read_rank(std::array<std::string_view, 2>{"+", "-"}, [&] { return read_product(); });
  }
  Expression read_product() {
    return read_rank(std::array<std::string_view, 2>{"*", "/"}, [&] { return read_unary(); });
  }

  Expression read_unary() {
    std::vector<Token> minuses;
    while (is_mark("-")) minuses.push_back(take());
    Expression result = read_primary();
    for (; !minuses.empty(); minuses.pop_back())
      result = wrap("minus", minuses.back(), std::move(result));
    return result;
  }

  Expression read_primary() {
    if (is_mark("(")) {
      take();
      Expression inner = read_or();
      expect_mark(")");
      return inner;
    }
    if (token_.kind == Token::Kind::number) return leaf(Kind::number);
    if (token_.kind == Token::Kind::text) return leaf(Kind::text);
    if (token_.kind != Token::Kind::word) unexpected("a field, a number or a text");
    if (is_word("case")) return read_case();
    if (is_word("true") || is_word("false")) {
      Expression result = leaf(Kind::flag);
      result.text = kit::to_lower(result.text);
      return result;
    }
    if (is_word("null")) return leaf(Kind::null);
    const Token name = take();
    if (!is_mark("(")) return {Kind::name, name.text, name.offset, name.length, {}};
    return read_call(name);
  }

  Expression leaf(Kind kind) {
    const Token token = take();
    return {kind, token.text, token.offset, token.length, {}};
  }

  Expression read_call(const Token& name) {
    expect_mark("(");
    std::vector<Expression> operands;
    while (!is_mark(")")) {
      if (!operands.empty()) expect_mark(",");
      operands.push_back(read_or());
    }
    take();
    return call(kit::to_lower(name.text), name, std::move(operands));
  }

  /// As a chain of if(): the last one ends in null without an else.
  Expression read_case() {
    const Token at = take();
    if (!is_word("when")) unexpected("'when'");
    return read_when(at);
  }

  Expression read_when(const Token& at) {
    if (take_word("else")) {
      Expression otherwise = read_or();
      expect_word("end");
      return otherwise;
    }
    if (take_word("end")) return {Kind::null, "null", at.offset, at.length, {}};
    expect_word("when");
    if (++depth_ > max_expression_depth)
      stop("the expression is nested more than " + std::to_string(max_expression_depth) +
           " levels deep");
    std::vector<Expression> operands;
    operands.push_back(read_or());
    expect_word("then");
    operands.push_back(read_or());
    operands.push_back(read_when(at));
    --depth_;
    return call("if", at, std::move(operands));
  }

  Lexer lexer_;
  const ExpressionError& fail_;
  Token token_;
  int depth_ = 0;
};

}  // namespace

std::optional<Expression> parse_expression(std::string_view text, const ExpressionError& fail) {
  if (text.size() > max_expression_bytes) {
    fail(0, text.size(), "the expression is longer than 1 KiB", "");
    return std::nullopt;
  }
  try {
    return Parser(text, fail).read_all();
  } catch (const Stop&) {
    return std::nullopt;  // told where it was thrown
  }
}

}  // namespace kitgen::model
