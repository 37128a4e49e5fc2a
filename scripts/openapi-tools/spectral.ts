/** Judges an OpenAPI document by Spectral's own rules and those after OWASP's list; prints what it finds as JSON. */
import { readFileSync } from 'node:fs';
import spectral from '@stoplight/spectral-core';
import owasp from '@stoplight/spectral-owasp-ruleset';
import rulesets from '@stoplight/spectral-rulesets';

const [file = ''] = process.argv.slice(2);
const judge = new spectral.Spectral();
judge.setRuleset(new spectral.Ruleset({ extends: [rulesets.oas, owasp.default ?? owasp] }, { severity: 'recommended' }));
const found = await judge.run(JSON.parse(readFileSync(file, 'utf8')));
const words = ['error', 'warning', 'information', 'hint'];
console.log(
  JSON.stringify(found.map(({ code, message, path, severity }) => ({ code, message, path: path.join('.'), severity: words[severity] }))),
);
