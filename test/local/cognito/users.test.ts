import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { localUsers, makeUsers, scopesOfGroups } from '../../../src/local/cognito/users.ts'
import { temporaryFolder } from '../../support/temporary.ts'

const config = {
  name: 'aws-tools',
  scopes: {
    read: { description: 'look' },
    report: { description: 'report', groups: ['analysts'] },
    write: { description: 'change', groups: ['operators'] },
    both: { description: 'both', groups: ['analysts-plus', 'operators'] },
  },
  baseScopes: ['read', 'report'],
}

describe('the users of a project', () => {
  it('are ada, who has the base scopes, and grace, who has all', async () => {
    const folder = await temporaryFolder()
    const [ada, grace] = makeUsers(folder.path, config)
    expect(ada).toMatchObject({ username: 'ada', groups: ['analysts'], email: 'ada@example.com' })
    expect(grace).toMatchObject({ username: 'grace', groups: ['analysts', 'operators', 'analysts-plus'] })
    expect(scopesOfGroups(ada!.groups, config)).toEqual(['aws-tools/read', 'aws-tools/report'])
    expect(scopesOfGroups(grace!.groups, config)).toEqual([
      'aws-tools/read',
      'aws-tools/report',
      'aws-tools/write',
      'aws-tools/both',
    ])
    expect(localUsers([ada!], config)).toEqual([
      { username: 'ada', password: ada!.password, scopes: ['aws-tools/read', 'aws-tools/report'] },
    ])
    await folder.remove()
  })

  it('keep their passwords, which no other project has, readable by the owner alone', async () => {
    const [one, two] = await Promise.all([temporaryFolder(), temporaryFolder()])
    const made = makeUsers(one.path, config)
    expect(makeUsers(one.path, { name: 'other' }).map(({ password }) => password)).toEqual(
      made.map(({ password }) => password),
    )
    expect(makeUsers(two.path, config)[0]!.password).not.toBe(made[0]!.password)
    const file = join(one.path, 'users.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).not.toContain('analysts')
    expect(made[0]!.password).toMatch(/^[\w-]{24}$/)
    await Promise.all([one.remove(), two.remove()])
  })

  it('are in no group where the configuration names none', async () => {
    const folder = await temporaryFolder()
    expect(makeUsers(folder.path, { name: 'bare' }).map(({ groups }) => groups)).toEqual([[], []])
    expect(scopesOfGroups([], { name: 'bare', scopes: { read: { description: '' } } })).toEqual(['bare/read'])
    await folder.remove()
  })
})
