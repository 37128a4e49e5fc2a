/** The model of LARP manager: its tables, and the repositories that units of work have. */
import { defineModel } from 'keelson/work';
import { auditLog, sessions, throttle } from './auth/table.ts';
import { CharacterRepository } from './characters/repository.ts';
import { characters } from './characters/table.ts';
import { GameRepository } from './games/repository.ts';
import { games } from './games/table.ts';
import { GmRepository } from './gms/repository.ts';
import { gms } from './gms/table.ts';
import { CharacterGroupRepository } from './groups/repository.ts';
import { characterGroups, groupCharacters } from './groups/table.ts';
import { PlayerRepository } from './players/repository.ts';
import { players } from './players/table.ts';
import { PlotRepository } from './plots/repository.ts';
import { plotCharacters, plotGroups, plots } from './plots/table.ts';
import { UserRepository } from './users/repository.ts';
import { users } from './users/table.ts';

const repositories = {
  users: UserRepository,
  games: GameRepository,
  gms: GmRepository,
  players: PlayerRepository,
  characters: CharacterRepository,
  characterGroups: CharacterGroupRepository,
  plots: PlotRepository,
};

/** The repositories by the names that units of work give them. */
export type Repositories = typeof repositories;

/** Everything that LARP manager keeps, in the namespace `larp_manager`. */
export const model = defineModel({
  name: 'larp-manager',
  namespace: 'larp_manager',
  tables: [
    users,
    games,
    gms,
    players,
    characters,
    characterGroups,
    groupCharacters,
    plots,
    plotGroups,
    plotCharacters,
    sessions,
    throttle,
    auditLog,
  ],
  repositories,
});
