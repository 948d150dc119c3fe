// The official compiler as a long-lived process: one JSON object a line in, one out.
//   {"mjml": "…", "inline": false} -> {"html": "…", "errors": ["…"]}
// With "inline" it also inlines the CSS of <mj-style inline="inline">, as npm mjml does by juice.
import { createInterface } from 'node:readline'
import mjml2html from 'mjml'

for await (const line of createInterface({ input: process.stdin })) {
  const { mjml } = JSON.parse(line)
  const { html, errors } = await mjml2html(mjml, { validationLevel: 'soft', fonts: {}, keepComments: true, minify: false })
  process.stdout.write(`${JSON.stringify({ html, errors: errors.map((error) => error.formattedMessage) })}\n`)
}
