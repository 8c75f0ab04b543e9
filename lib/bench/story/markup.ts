/** Text inside HTML, SVG and Markdown. */

/** As it is written in content or in quotes. */
export function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;').replace(/'/g, '&#39;');
}

/** A sentence: what it has between backticks is code. */
export const sentence = (text: string): string => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>');

/** In Markdown, where a bar would end a table's cell and HTML would be HTML; code between backticks stays as it is. */
export const markdownText = (text: string): string =>
  text.replace(/`[^`]+`|[\\|<>&]/g, (mark) => (mark.length > 1 ? mark : /[\\|]/.test(mark) ? `\\${mark}` : escaped(mark)));
