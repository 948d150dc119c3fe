// Dumps the official component table (npm mjml, in tools/judge) as JSON: what each component may hold and carry.
// `make components` writes it to newsletter/render/mjml/components.json.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(fileURLToPath(new URL('./judge/package.json', import.meta.url)))
const preset = require('mjml-preset-core')
const colors = require('mjml-core/lib/types/helpers/colors')
const { version } = require('mjml/package.json')

// The root is no component; its attributes are those that mjml-core reads off it.
const components = { mjml: { attributes: { dir: 'string', lang: 'string', owa: 'string', version: 'string' } } }
for (const component of preset.components) {
  components[component.componentName] = {
    ...(component.endingTag ? { ending: true } : {}),
    ...(component.allowedAttributes ? { attributes: component.allowedAttributes } : {}),
    ...(component.defaultAttributes && Object.keys(component.defaultAttributes).length
      ? { defaults: component.defaultAttributes }
      : {}),
  }
}
for (const [name, children] of Object.entries(preset.dependencies)) {
  const component = (components[name] ??= {})
  if (children.every((child) => typeof child === 'string')) component.children = children
}
const table = {
  origin: `npm mjml ${version}`,
  licence: 'MIT, Copyright (c) 2016 Mailjet SAS',
  colors: [...new Set((colors.default ?? colors).map((name) => name.toLowerCase()))].sort(),
  components: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
}
process.stdout.write(`${JSON.stringify(table, null, 1)}\n`)
