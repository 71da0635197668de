// Sets the colour theme before the first paint, so that a dark page does not flash white.

const KEY = "hotseat.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function chosen() {
  const value = window.localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "auto";
}

function apply() {
  const choice = chosen();
  const root = document.documentElement;
  root.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
  root.dataset.themeChoice = choice;
}

dark.addEventListener("change", apply);
window.addEventListener("storage", apply);
document.addEventListener("hotseat:theme", (event) => {
  window.localStorage.setItem(KEY, event.detail);
  apply();
});
apply();
