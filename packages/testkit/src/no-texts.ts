/** What a server may pass on from a request's body where a name or an id belongs, as JSON. */
export const noTexts: readonly string[] = [
  '{"a":1}',
  '{}',
  '["acme"]',
  '[]',
  'true',
  'false',
  '0',
  '12.5',
  'null',
]

/** The value of JSON that is no text, passed as JavaScript passes it where one belongs. */
export function untyped(json: string): string {
  const value: string = JSON.parse(json)
  return value
}
