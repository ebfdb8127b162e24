/** The secret behind the chunker: where content is cut must not tell strangers what it is. */
import { createCipheriv } from 'node:crypto';
import { GEAR_KEYSTREAM_LENGTH } from '../format/chunker.ts';
import type { DerivedKeys } from './keys.ts';

/** The first 1,024 bytes of ChaCha20 (RFC 8439) under K_cdc, with counter 0 and a nonce of zeros. */
export function gearKeystream(derived: Pick<DerivedKeys, 'chunker'>): Buffer {
  // OpenSSL's 16 bytes are the counter (4, little-endian) and the nonce (12).
  return createCipheriv('chacha20', derived.chunker, Buffer.alloc(16)).update(Buffer.alloc(GEAR_KEYSTREAM_LENGTH));
}
