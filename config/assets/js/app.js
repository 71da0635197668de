// What every page has: menus, the choice of theme, values to copy.

import "bootstrap/js/dist/dropdown";

function markTheme() {
  for (const button of document.querySelectorAll("[data-theme-choice-button]")) {
    const mine = button.dataset.themeChoiceButton === document.documentElement.dataset.themeChoice;
    button.setAttribute("aria-checked", String(mine));
    button.classList.toggle("active", mine);
  }
}

for (const button of document.querySelectorAll("[data-theme-choice-button]")) {
  button.addEventListener("click", () => {
    document.dispatchEvent(new CustomEvent("hotseat:theme", { detail: button.dataset.themeChoiceButton }));
    markTheme();
  });
}
markTheme();

for (const button of document.querySelectorAll("[data-copy]")) {
  // The clipboard exists only on https and localhost.
  if (!navigator.clipboard) {
    button.hidden = true;
    continue;
  }
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("is-copied");
    setTimeout(() => button.classList.remove("is-copied"), 1500);
  });
}
