import { z } from 'zod'

const error = 'Write 1 to 100 characters, and no braces'

/**
 * What the names of keys may begin with. Braces would decide the slot of a cluster, and half a
 * surrogate pair has no UTF-8.
 */
export const prefixSchema: z.ZodType<string> = z
  .string({ error })
  .regex(/^[^{}]{1,100}$/, { error })
  .refine((prefix) => !/\p{Cs}/u.test(prefix), { error })
