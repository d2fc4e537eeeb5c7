/** One test case for each check, for a build server. */
export function junit(suites: { name: string; cases: { name: string; failure?: string; note?: string }[] }[]): string {
  const all = suites.map(({ name, cases }) => {
    const failures = cases.filter(({ failure }) => failure !== undefined).length
    const body = cases.map(
      (each) =>
        `    <testcase classname="${xml(name)}" name="${xml(each.name)}">${each.failure === undefined ? '' : `<failure message="${xml(each.failure)}"/>`}${each.note === undefined ? '' : `<system-out>${xml(each.note)}</system-out>`}</testcase>`,
    )
    return `  <testsuite name="${xml(name)}" tests="${cases.length}" failures="${failures}">\n${body.join('\n')}\n  </testsuite>`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="fairlead doctor">\n${all.join('\n')}\n</testsuites>\n`
}

function xml(text: string): string {
  const named: Record<string, string> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' }
  return text.replaceAll(/[<>&"]/g, (each) => named[each]!).replaceAll(/[^\t\n\x20-\ud7ff\ue000-\ufffd]/g, '?')
}
