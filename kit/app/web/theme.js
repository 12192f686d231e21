// SPDX-License-Identifier: Apache-2.0
// Runs before the first paint, so that the page does not flash in the wrong colours.
"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("kit-theme"); } catch { /* storage may be off */ }
  const apply = () => {
    const theme = chosen ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = theme;
    root.classList.toggle("dark-mode", theme === "dark");  // the name swagger-ui knows
  };
  apply();
  dark.addEventListener("change", apply);
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("kit-theme", chosen); } catch { /* as above */ }
      apply();
    });
  });
})();
