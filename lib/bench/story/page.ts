/** The report as one HTML file that needs nothing else: no script, no network, no font of its own. */
import { type ChartSeries, chartSvg, dashes, fillOf, frames, shapeOf } from './chart';
import { type Figure, figures } from './figures';
import { type Finding, finding } from './finding';
import { escaped, sentence } from './markup';
import { facts, heading, method, rerun, summary, warnings } from './prose';
import type { Report } from './report';
import { style } from './style';
import { tableHtml, tables } from './tables';

export async function page(report: Report): Promise<string> {
  const { file, command, clock } = report;
  const { benchmarks: rows } = file;
  const drawn: string[] = [];
  for (const one of figures(rows, clock)) drawn.push(await figureHtml(one));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(heading)} · node-pjrt</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<header>
<p class="kicker">${escaped(summary(file))}</p>
<h1>${escaped(heading)}</h1>
${findingHtml(finding(rows, clock))}
${warnings(report)
  .map((words) => `<p class="caption warn">${escaped(words)}</p>`)
  .join('\n')}
</header>
${drawn.join('\n')}
${tables(rows, clock).map(tableHtml).join('\n')}
<section id="method">
<h2>Method</h2>
${method(file)
  .map((words) => `<p class="caption">${sentence(words)}</p>`)
  .join('\n')}
<dl class="facts">
${facts(file)
  .map(([name, fact]) => `<dt>${escaped(name)}</dt><dd>${escaped(fact)}</dd>`)
  .join('\n')}
</dl>
</section>
<section id="again">
<h2>Again</h2>
<p class="caption">${sentence(rerun)}</p>
<pre tabindex="0"><code>${escaped(command)}</code></pre>
</section>
</main>
</body>
</html>
`;
}

function findingHtml({ sentences, keys }: Finding): string {
  const tiles = keys.map(({ value, words }) => `<div><dt>${escaped(value)}</dt><dd>${escaped(words)}</dd></div>`);
  return `<p class="lead">${escaped(sentences.join(' '))}</p>
${tiles.length ? `<dl class="keys">${tiles.join('')}</dl>` : ''}`;
}

async function figureHtml({ title, caption, chart, notes }: Figure): Promise<string> {
  const series = chart.series.filter(({ points }) => points.length);
  const drawing = async (size: keyof typeof frames) => `<div class="${size}">${await chartSvg(chart, frames[size])}</div>`;
  const body = series.length
    ? `${await drawing('wide')}\n${await drawing('narrow')}\n<ul class="legend">${series.map(legendItem).join('')}</ul>`
    : '<p class="empty">Nothing of this was measured in this run.</p>';
  return `<section id="figure-${chart.id}">
<h2>${escaped(title)}</h2>
<p class="caption">${escaped(caption)}</p>
<figure>
${body}
</figure>
${notes.map((note) => `<p class="note">${escaped(note)}</p>`).join('\n')}
</section>`;
}

function legendItem(series: ChartSeries): string {
  const { mask, style: line, label } = series;
  const shapes: Record<string, string> = {
    square: '<rect x="13" y="3" width="8" height="8"/>',
    circle: '<circle cx="17" cy="7" r="4.2"/>',
    'triangle-up': '<path d="M17 2l4.8 8.6h-9.6z"/>',
    diamond: '<path d="M17 1.2l4 5.8-4 5.8-4-5.8z"/>',
  };
  const dash = line === 'ours' ? '' : ` stroke-dasharray="${dashes[line].join(' ')}"`;
  return `<li><svg viewBox="0 0 34 14" aria-hidden="true" stroke="var(--${mask})" stroke-width="2" fill="${fillOf(series)}"><path d="M1 7h32"${dash}/>${shapes[shapeOf(series)]}</svg><span>${escaped(label)}</span></li>`;
}
