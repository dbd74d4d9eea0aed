// Says whether a file is an OpenAPI description, by the standard's own schema:
// node validate_openapi.mjs FILE. Prints a JSON object, and ends with 1 where it is none.
import { readFileSync } from 'node:fs';

import { Validator } from '@seriousme/openapi-schema-validator';

const validator = new Validator();
const { valid, errors } = await validator.validate(JSON.parse(readFileSync(process.argv[2], 'utf8')));
console.log(JSON.stringify({ valid, version: validator.version, errors: errors ?? [] }));
process.exitCode = valid ? 0 : 1;
