// Numbers as people read them.

/** Whole seconds from an instant to `now`, never below zero. @param {string|null} iso @param {number} now ms */
export function secondsSince(iso, now) {
  if (!iso) return 0;
  return Math.max(0, Math.floor((now - Date.parse(iso)) / 1000));
}

/** Whole seconds still left until an instant, never below zero. @param {string|null} iso @param {number} now ms */
export function secondsUntil(iso, now) {
  if (!iso) return 0;
  return Math.max(0, Math.ceil((Date.parse(iso) - now) / 1000));
}

/** 75 → "1:15", 3675 → "1:01:15", null → "–". @param {number|null|undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const two = (number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** 0.834 → "83 %" by the page's language, null → "–". @param {number|null|undefined} share @param {string} language */
export function percent(share, language) {
  if (share === null || share === undefined) return "–";
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(share);
}

/** The time of day of an instant, as this browser's user writes it. @param {string|null} iso @param {string} language */
export function timeOfDay(iso, language) {
  if (!iso) return "–";
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hour12: false }).format(new Date(iso));
}

/** Day and time of an instant. @param {string|null} iso @param {string} language */
export function dayAndTime(iso, language) {
  if (!iso) return "–";
  return new Intl.DateTimeFormat(language, {
    month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false,
  }).format(new Date(iso));
}
