/** The words that the seeded games are made of. */

/** What a seeded game is called, and out of which words its characters, groups and plots are made. */
export interface Words {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly startDate: string;
  readonly endDate: string;
  readonly detailsSchema: Readonly<Record<string, unknown>>;
  readonly gms: readonly string[];
  readonly playersCount: number;
  readonly charactersCount: number;
  readonly firstNames: readonly string[];
  readonly lastNames: readonly string[];
  readonly trades: readonly string[];
  readonly traits: readonly string[];
  readonly secrets: readonly string[];
  readonly groups: readonly string[];
  readonly plots: readonly string[];
}

const split = (text: string): readonly string[] => text.split(',').map((word) => word.trim());

const details = (extra: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
  type: 'object',
  properties: {
    diet: { type: 'string', enum: ['none', 'vegetarian', 'vegan', 'no gluten'] },
    emergency_contact: { type: 'string', minLength: 5, maxLength: 100 },
    first_aider: { type: 'boolean' },
    ...extra,
  },
  required: ['diet', 'emergency_contact'],
  additionalProperties: false,
});

const winter: Words = {
  key: 'winter',
  name: 'Winter over Falkenrath',
  description:
    'Three days in a snowed-in valley. The old duke is dead, the pass is closed, and everybody who has a claim, a debt or a grudge is at the same fires.',
  startDate: '2027-02-12',
  endDate: '2027-02-14',
  detailsSchema: details({
    shoe_size: { type: 'integer', minimum: 30, maximum: 52 },
    fights: { type: 'string', enum: ['yes', 'only with soft weapons', 'no'] },
  }),
  gms: ['Marlene Voss', 'Henrik Aas', 'Samira Haddad'],
  playersCount: 156,
  charactersCount: 212,
  firstNames: split(
    'Adelheid, Aldric, Berengar, Brunhild, Casimir, Clementia, Dietmar, Edda, Eckhart, Falk, Frieda, Gerold, Gisla, Hadwig, Hartmut, Ilse, Ingram, Jolanthe, Jorun, Katrein, Konrad, Liesel, Lothar, Mathild, Meinhard, Nele, Notker, Odila, Otmar, Petrissa, Quirin, Ragna, Roswitha, Sieglind, Sigmar, Tassilo, Thekla, Udo, Ursel, Volkmar, Walburga, Wiprecht, Yrsa, Zacharias',
  ),
  lastNames: split(
    'of Falkenrath, Ashdown, the Ferryman, Grauwolf, of the Mill, Eisenhand, Kessler, Tannhorn, the Younger, of Hohenmark, Salzmann, Rabenstein, Ironbrook, the Silent, of Three Oaks, Wachter, Lindqvist, Brandt, of the Pass, Steinweg, Hollerbusch, the Red, Nightingale, of Uhlen',
  ),
  trades: split(
    'salt trader, sworn sword, midwife, charcoal burner, tax collector, beekeeper, minstrel, gravedigger, court scribe, smuggler, falconer, alchemist, innkeeper, pilgrim, poacher, chaplain, blacksmith, envoy, herbalist, moneylender',
  ),
  traits: split(
    'never forgets a favour, laughs at the wrong moment, counts everything twice, is afraid of deep water, believes in no ghosts, has buried three masters, cannot keep a secret, keeps every secret, cheats at dice, prays before each meal, has sworn off wine, is tired of war',
  ),
  secrets: split(
    'carries a letter that should have burned, was at the duke’s bed the night he died, owes the Ravens forty marks, is not who the parish book says, has seen the light under the chapel, knows where the second key lies, loves somebody of the other house, has sold the pass to the enemy, is the last who can read the old runes, dreams of the wolf',
  ),
  groups: split(
    'House Falkenrath, House Hohenmark, The Ferrymen’s Guild, The Ravens, Sisters of the Lamp, The Salt Company, The Duke’s Guard, Folk of the Upper Mill, The Pilgrims of Saint Uhl, The Free Lances, Court of the Widow, The Night Market, Scholars of Rabenstein, The Charcoal Burners, Envoys of the South, The Old Hunt',
  ),
  plots: split(
    'The empty coffin, A will in two hands, Forty marks of silver, The wolf at the mill, The second key, Who lit the beacon, A wedding by Sunday, The poisoned cup, The bridge toll, What the chaplain heard, The lost levy, A name in the parish book, The light under the chapel, The ferryman’s price, A duel at dawn, The runaway novice, The salt that was sand, The widow’s guest, An heir from the south, The broken seal, Nine ravens, The debt of Tannhorn, The old hunt rides, A map without a mountain, The silent bell, The spy at the table, Bread for the guard, The night market opens, The burned mill, The saint’s finger, A song that must not be sung, The hostage, Three oaks fall, The letter that should have burned, The frozen well, The trial of the poacher, The second envoy, The alchemist’s apprentice, A truce until Monday, The crown of horn, The pass is open, The last fire',
  ),
};

const train: Words = {
  key: 'train',
  name: 'Last Train to Odessa',
  description: 'One night in 1921, nine carriages, and a border that closes at six in the morning.',
  startDate: '2027-06-05',
  endDate: '2027-06-06',
  detailsSchema: details({ speaks_russian: { type: 'boolean' } }),
  gms: ['Oksana Bondar', 'Marlene Voss'],
  playersCount: 24,
  charactersCount: 28,
  firstNames: split('Arkady, Beatrix, Cosmo, Dunya, Emil, Fanny, Grigori, Hermine, Ippolit, Josefine, Kirill, Ludmila, Maxim, Natalya'),
  lastNames: split('Abramov, Bellmann, Czerny, Dragan, Esterhazy, Fitzroy, Golovin'),
  trades: split('banker, nurse, deserter, jeweller, correspondent, stoker, countess, interpreter'),
  traits: split('smokes too much, never sits with the back to a door, reads the same page all night, is kind to children'),
  secrets: split('travels on a dead man’s papers, has a diamond in the heel of a shoe, is to meet somebody who will not come'),
  groups: split('First class, The dining car, The Orlov family, The committee, Third class, The crew'),
  plots: split(
    'The diamond heel, A dead man’s papers, The sealed carriage, Who pulled the brake, The last dinner, Six o’clock, A telegram from Kiev, The child without a ticket',
  ),
};

/** The seeded games: a large one and a small one. */
export const seededGames: readonly Words[] = [winter, train];

/** The people who play in the seeded games; the first ones in both. */
export const people = {
  firstNames: split(
    'Aaron, Aylin, Ben, Carla, Chiara, David, Elif, Emma, Felix, Greta, Hannah, Ivo, Jana, Jonas, Kaya, Lea, Leon, Mara, Mats, Nora, Oskar, Paula, Rafael, Selin, Till, Wanda',
  ),
  lastNames: split('Albrecht, Becker, Demir, Engel, Fuchs, Graf, Hansen, Jung, Keller, Lorenz, Moreau, Nowak'),
} as const;
