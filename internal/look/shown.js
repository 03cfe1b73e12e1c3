// What of a name nobody sees is shown as an escape, as spelling.Line does; a test compares the two.
const hidden = /[\u{0}-\u{1f}\u{7f}-\u{9f}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}-\u{180f}\u{200b}-\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}\u{3164}\u{fe00}-\u{fe0f}\u{feff}\u{ffa0}\u{fff0}-\u{fffb}\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/u;
const variant = /[\u{180b}-\u{180d}\u{180f}\u{fe00}-\u{fe0f}\u{e0100}-\u{e01ef}]/u;
const separate = /[\u{0}-\u{7f}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u;
const short = { 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r" };

function escape(letter) {
  const code = letter.codePointAt(0), hex = (digits) => code.toString(16).padStart(digits, "0");
  return short[code] || (code < 0x80 ? "\\x" + hex(2) : code < 0x10000 ? "\\u" + hex(4) : "\\U" + hex(8));
}

function joins(letter, before, after) {
  if (!before) return false;
  if (letter === "\u200c" || letter === "\u200d") {
    return !separate.test(before) && (variant.test(before) || !hidden.test(before)) && Boolean(after) && !separate.test(after) && !hidden.test(after);
  }
  return variant.test(letter) && ((!separate.test(before) && !hidden.test(before)) || (after === "\u20e3" && /[0-9#*]/.test(before)));
}

export function shown(text) {
  if (!hidden.test(text)) return text;
  const letters = Array.from(text);
  return letters.map((letter, i) => (hidden.test(letter) && !joins(letter, letters[i - 1], letters[i + 1]) ? escape(letter) : letter)).join("");
}
