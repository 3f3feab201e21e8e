// Drives the JavaScript SDK of ibl.ai against a ledger: every kind of call, every answer with the members that its
// OpenAPI document says are needed.
//
//   node sdk.mjs --http http://127.0.0.1:8640 --key slk_…      (a key of every account)

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { ApiError, CatalogService, OpenAPI } from '@iblai/iblai-api'

const { values } = parseArgs({ options: { http: { type: 'string' }, key: { type: 'string' } } })
const PLATFORM = `sdk-node-${randomUUID().slice(0, 8)}`

OpenAPI.BASE = values.http
OpenAPI.HEADERS = { Authorization: `Api-Key ${values.key}` }

const kinds = {
  User: {},
  Course: { course_id: 'course-v1:sdk+1+2026' },
  Program: { program_key: 'sdk-program', program_id: 'sdk-program' },
  Platform: {},
}

// The ledger's own API, for what the dialect has no call for: people and groups.
async function own(path, document) {
  const headers = { authorization: `Bearer ${values.key}`, 'content-type': 'application/json' }
  const init = document ? { method: 'POST', headers, body: JSON.stringify(document) } : { headers }
  const answer = await fetch(`${values.http}/v1/accounts/${PLATFORM}/${path}`, init)
  assert.equal(answer.status, 200, await answer.clone().text())
  return answer.json()
}

// Which members a schema of the SDK's document needs.
const schema = readFileSync(new URL('../sdk_schema.yml', import.meta.resolve('@iblai/iblai-api')), 'utf8')
function needed(name) {
  const begin = schema.indexOf(`\n    ${name}:\n`)
  assert.ok(begin > 0, `${name} is not in the document`)
  const rest = schema.slice(begin + 1)
  const end = rest.slice(1).search(/\n {4}\S/)
  const required = rest.slice(0, end + 1).match(/\n {6}required:\n((?: {6}- .*\n?)+)/)
  return required ? [...required[1].matchAll(/- (\S+)/g)].map((it) => it[1]) : []
}

function complete(name, answer) {
  for (const member of needed(name)) {
    assert.ok(member in answer, `${name} without ${member}: ${JSON.stringify(answer)}`)
  }
  return answer
}

async function refused(status, code, call) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof ApiError, error)
    assert.equal(error.status, status, JSON.stringify(error.body))
    assert.equal(error.body.code, code)
    return typeof error.body.detail === 'string'
  })
}

async function oneKind(kind, of, ada, group) {
  const call = (rest, given) => CatalogService[`catalogLicenses${kind}${rest}`](given)
  const platform = { platform_key: PLATFORM }
  const body = {
    ...platform, ...of, name: `${kind} seats`, count: 2, started: '2026-01-01T00:00:00Z',
    metadata: { region: 'eu' }, external_id: `sdk-${kind}`,
  }
  const detail = `${kind}LicenseDetail`
  const made = complete(detail, await call('CreateCreate', { requestBody: body }))
  assert.deepEqual([made.count, made.active, made.metadata], [2, true, { region: 'eu' }])
  await refused(400, 'external_id_taken', () => call('CreateCreate', { requestBody: body }))
  const update = { license_id: made.id, count: 3, transaction_id: 'TX-1' }
  const changed = complete(detail, await call('UpdateCreate', { requestBody: update }))
  assert.deepEqual([changed.count, changed.name], [3, made.name])
  const unknown = { license_id: 1e9, count: 3 }
  await refused(404, 'license_not_found', () => call('UpdateCreate', { requestBody: unknown }))
  const page = await call('Retrieve', { platformKey: PLATFORM, verbose: true, pageSize: 5 })
  complete(`Paginated${kind}License`, page).results.forEach((it) => complete(detail, it))
  assert.deepEqual([page.count, page.results[0].id], [1, made.id])
  if (kind === 'Platform') return

  const at = { licenseId: made.id, platformKey: PLATFORM }
  const shown = `${kind}LicenseAssignmentDetail`
  const assign = async (who) => {
    const requestBody = { license_id: made.id, ...platform, ...who }
    return complete(shown, await call('AssignmentCreate', { ...at, requestBody }))
  }
  const first = await assign({ user_id: ada })
  assert.equal((await assign({ email: 'ada@example.com', fulfilled: true })).id, first.id)
  const second = await assign({ email: 'new@example.com' })
  await refused(404, 'user_not_found', () => assign({ user_id: 1e9 }))
  await refused(400, 'invalid', () => assign({}))
  const requestBody = { license_id: made.id, group_id: group, ...platform }
  const grant = () => call('AssignmentGroupCreate', { ...at, requestBody })
  await refused(400, 'no_seats_available', grant)
  const gone = { ...at, assignmentId: second.id }
  await call('AssignmentDestroy', gone)
  await refused(404, 'assignment_not_found', () => call('AssignmentDestroy', gone))
  const given = complete(`${kind}LicenseGroupAssignmentDetail`, await grant())
  const listed = await call('AssignmentRetrieve', at)
  complete(`Paginated${kind}LicenseAssignment`, listed).results.forEach((it) => complete(shown, it))
  assert.equal(listed.count, 3)
  const groups = await call('AssignmentGroupRetrieve', at)
  assert.deepEqual(groups.results.map((it) => it.id), [given.id])
  await call('AssignmentGroupDestroy', { ...at, assignmentId: given.id })
  assert.equal((await call('AssignmentRetrieve', at)).count, 1)
}

const ada = { user: 'ada', email: 'ada@example.com' }
await own('commands/RegisterHolder', { holder: ada })
const members = { group: 'staff', name: 'Staff', holders: [{ user: 'bo' }, { user: 'cy' }] }
const { sequence } = await own('commands/AddMembers', members)
const { number: user } = await own(`holders/ada?min_sequence=${sequence}`)
const { number: group } = await own(`groups/staff?min_sequence=${sequence}`)
for (const [kind, of] of Object.entries(kinds)) {
  await oneKind(kind, of, user, group)
  console.log(`JavaScript SDK: ${kind.toLowerCase()} licenses: as documented`)
}
OpenAPI.HEADERS = {}
await CatalogService.catalogLicensesUserAssignmentCheckRetrieve({ email: 'ada@example.com' })
await assert.rejects(
  () => CatalogService.catalogLicensesUserAssignmentCheckRetrieve({ email: 'nobody@example.com' }),
  (error) => error.status === 404,
)
await refused(401, 'not_authenticated', () => CatalogService.catalogLicensesUserRetrieve({}))
console.log('JavaScript SDK: check and keys: as documented')
