/** The report's style sheet: one column, wide tables in boxes of their own, dark where the reader's system is, and paper. */
import { fontFamily, frames } from './chart';
import { variables } from './palette';

/** Below this width the narrow charts are shown, with their legends. */
const narrowWidth = 700;

export const style = `
:root { color-scheme: light dark; ${variables('light')} }
@media (prefers-color-scheme: dark) { :root { ${variables('dark')} } }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--surface); color: var(--ink); font: 16px/1.6 ${fontFamily} }
main { max-width: ${frames.wide.width + 40}px; margin: 0 auto; padding: 3.5rem 20px 5rem }
h1 { font-size: clamp(1.65rem, 1.2rem + 2.2vw, 2.4rem); line-height: 1.18; letter-spacing: -0.015em; font-weight: 650; margin: 0 0 .8rem; text-wrap: balance }
h2 { font-size: 1.25rem; line-height: 1.3; letter-spacing: -0.005em; font-weight: 650; margin: 0 0 .35rem }
p { margin: 0 0 1rem; max-width: 68ch; overflow-wrap: anywhere }
a { color: var(--causal); text-underline-offset: .15em }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
.kicker { font-size: .8125rem; color: var(--muted); margin-bottom: .9rem }
.lead { font-size: 1.125rem; line-height: 1.62 }
.caption, .note, footer, dl { color: var(--muted); font-size: .9375rem; line-height: 1.55 }
.note { font-size: .875rem; margin: .25rem 0 0 }
.warn { border-left: 3px solid var(--dense); padding: .1rem 0 .1rem .9rem; margin: 2rem 0 0 }
.warn + .warn { margin-top: .6rem }
section { margin-top: 3.5rem }
figure { margin: 1.1rem 0 0 }
svg { display: block; width: 100%; height: auto; overflow: visible }
.narrow, .legend { display: none }
.legend { list-style: none; padding: 0; margin: .6rem 0 0; font-size: .875rem; grid-template-columns: 1fr 1fr; gap: .3rem 1rem }
.legend li { display: flex; align-items: center; gap: .55rem; line-height: 1.3; min-width: 0 }
.legend svg { width: 34px; height: 14px; flex: none }
.empty { padding: 2rem 1.25rem; background: var(--panel); border-radius: 8px; color: var(--muted) }
.keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1.5rem; margin: 2rem 0 0 }
.keys div { border-top: 2px solid var(--line); padding-top: .8rem }
.keys dt { font-size: 1.6rem; line-height: 1.2; font-weight: 600; letter-spacing: -0.02em; color: var(--ink); font-variant-numeric: tabular-nums }
.keys dd { margin: .3rem 0 0; font-size: .8125rem; line-height: 1.45; overflow-wrap: anywhere }
.scroll { overflow-x: auto; margin-top: 1rem; border-block: 1px solid var(--line) }
.scroll:focus-visible { outline: 2px solid var(--causal); outline-offset: 2px }
table { border-collapse: collapse; width: 100%; font-size: .8125rem; line-height: 1.4; font-variant-numeric: tabular-nums }
th, td { padding: .42rem 1.1rem .42rem 0; text-align: right; white-space: nowrap; vertical-align: baseline }
th { font-weight: 600; color: var(--muted) }
.left { text-align: left }
th:first-child, td:first-child { width: 1% }
td:last-child, th:last-child { padding-right: .25rem }
tbody tr { border-top: 1px solid var(--line) }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: 1rem 0 }
.facts dt { color: var(--ink) }
.facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0 }
pre { background: var(--panel); padding: .9rem 1rem; border-radius: 8px; overflow-x: auto; margin: 0 0 1rem }
@media screen and (max-width: ${narrowWidth}px) {
  main { padding-top: 2rem }
  section { margin-top: 2.75rem }
  .wide { display: none }
  .narrow { display: block }
  .legend { display: grid }
  .lead { font-size: 1.0625rem }
  .keys { grid-template-columns: 1fr 1fr; gap: 1.25rem }
  .keys div:last-child:nth-child(odd) { grid-column: 1 / -1 }
  .facts { grid-template-columns: 1fr; gap: 0 }
  .facts dd { margin-bottom: .6rem }
}
@media print {
  :root { ${variables('light')} }
  body { font-size: 10.5pt }
  main { max-width: none; padding: 0 }
  section { margin-top: 1.6rem }
  figure, tr, .keys { break-inside: avoid }
  h2, .caption { break-after: avoid }
  .scroll { overflow: visible }
  table { font-size: 6pt }
  th, td { white-space: normal; padding-right: .6em }
  td:first-child { white-space: nowrap }
}
`;
