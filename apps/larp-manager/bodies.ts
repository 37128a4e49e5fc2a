/** What bodies of several resources have in common. */
import * as Type from 'typebox';

const NAME_CHARACTERS_MAX = 256;
const DESCRIPTION_CHARACTERS_MAX = 20_000;
const IDS_MAX = 1_000;
const LINKED_MAX = 100_000;

/** A name that says something. */
export const Name = Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX, pattern: '\\S' });

/** A description. */
export const Description = Type.String({ maxLength: DESCRIPTION_CHARACTERS_MAX });

/** An object of JSON whose names are the caller's own. */
export const Json = Type.Record(Type.String(), Type.Unknown());

/** The rows that something is linked with, all of them: what is not named is linked no more. */
export const Links = Type.Optional(Type.Array(Type.String({ format: 'uuid' }), { maxItems: IDS_MAX }));

/** The keys of the rows that something is linked with, as answers tell them: more than one body may say, and never more than a game holds. */
export const Ids = Type.Array(Type.String({ format: 'uuid' }), { maxItems: LINKED_MAX });
