// The official compiler as a long-lived process: one JSON object a line in, one out.
//   {"mjml": "…"} -> {"html": "…", "errors": ["…"], "ms": 12.3}
// The CSS of <mj-style inline="inline"> is inlined by juice, as npm mjml does it.
import { createInterface } from 'node:readline'
import mjml2html from 'mjml'

for await (const line of createInterface({ input: process.stdin })) {
  const { mjml } = JSON.parse(line)
  const start = performance.now()
  const { html, errors } = await mjml2html(mjml, { validationLevel: 'soft', fonts: {}, keepComments: true, minify: false })
  const ms = performance.now() - start
  process.stdout.write(`${JSON.stringify({ html, errors: errors.map((error) => error.formattedMessage), ms })}\n`)
}
