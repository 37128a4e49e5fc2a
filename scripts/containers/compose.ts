/** Checks of a Compose file: its form as far as we use it, and what a service of ours has to be. */
import { parse } from 'yaml';

interface Service {
  readonly image?: string;
  readonly build?: { readonly dockerfile?: string; readonly args?: Readonly<Record<string, string>> };
  readonly command?: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition?: string }>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly env_file?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly restart?: string;
}

/** A Compose file, as far as it is checked. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
  readonly networks?: Readonly<Record<string, unknown>>;
}

/** The keys of the Compose specification that we use; a misspelt one would be refused by Docker, on the machine of somebody else. */
const known: Readonly<Record<'file' | 'service', readonly string[]>> = {
  file: ['name', 'services', 'volumes', 'networks'],
  service: `
    image build command environment env_file depends_on healthcheck ports volumes networks tmpfs
    read_only cap_drop security_opt mem_limit pids_limit shm_size logging restart stop_grace_period`
    .trim()
    .split(/\s+/u),
};

/** The content of a Compose file, its anchors and merges followed. */
export function parseCompose(text: string): ComposeFile {
  return parse(text, { merge: true }) as ComposeFile;
}

/** What is wrong with a Compose file; `files` says whether a path from the root exists. */
export function checkCompose(text: string, isProduction: boolean, exists: (file: string) => boolean): string[] {
  const file = parseCompose(text);
  const unknown = Object.keys(file).filter((key) => !known.file.includes(key) && !key.startsWith('x-'));
  return [
    ...unknown.map((key) => `${key} is no key of a Compose file that we know.`),
    ...Object.entries(file.services).flatMap(([name, service]) =>
      [
        ...checkForm(service, file, exists),
        ...checkWait(service, file),
        ...(service.build === undefined ? [] : checkHardness(service)),
        ...checkReach(service, isProduction),
        ...(isProduction ? checkSecrets(service) : []),
      ].map((fault) => `${name}: ${fault}`),
    ),
  ];
}

function checkForm(service: Service, file: ComposeFile, exists: (file: string) => boolean): string[] {
  const faults = Object.keys(service)
    .filter((key) => !known.service.includes(key))
    .map((key) => `${key} is no key of a service that we know.`);
  if (service.image === undefined || !/:[^/]+$/u.test(service.image) || service.image.endsWith(':latest')) {
    faults.push('its image names no version.');
  }
  if (service.build?.dockerfile !== undefined && !exists(service.build.dockerfile))
    faults.push(`${service.build.dockerfile} is not there.`);
  for (const volume of service.volumes ?? []) {
    const [source = ''] = volume.split(':', 1);
    if (source.startsWith('.') ? !exists(source.replace(/^\.\//u, '')) : !(source in (file.volumes ?? {}))) {
      faults.push(`the volume ${source} is not there.`);
    }
  }
  for (const network of service.networks ?? []) {
    if (!(network in (file.networks ?? {}))) faults.push(`the network ${network} is not there.`);
  }
  return faults;
}

/** Whoever waits for another waits until it is well, or done, and not only begun. */
function checkWait(service: Service, file: ComposeFile): string[] {
  return Object.entries(service.depends_on ?? {}).flatMap(([name, { condition }]) => {
    const other = file.services[name];
    if (other === undefined) return [`it waits for ${name}, which is not there.`];
    if (condition === 'service_completed_successfully') return other.restart === 'no' ? [] : [`${name} is started again and never done.`];
    const saysHow = other.healthcheck !== undefined || other.build !== undefined;
    return condition === 'service_healthy' && saysHow ? [] : [`it does not wait until ${name} is well.`];
  });
}

function checkHardness({ read_only: isReadOnly, cap_drop: dropped, security_opt: options }: Service): string[] {
  const faults: string[] = [];
  if (isReadOnly !== true) faults.push('its files can be written.');
  if (dropped?.includes('ALL') !== true) faults.push('it keeps rights that it does not need.');
  if (options?.includes('no-new-privileges:true') !== true) faults.push('it can gain rights.');
  return faults;
}

function checkReach({ ports = [], build }: Service, isProduction: boolean): string[] {
  const faults = ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `${port} is open to every network of the machine.`);
  if (isProduction && build === undefined && ports.length > 0) faults.push('it is reached past the application.');
  return faults;
}

/** In production a password has no default, and nobody who serves knows the owner's. */
function checkSecrets({ environment = {}, build, restart }: Service): string[] {
  const values = Object.entries(environment);
  const written = values.filter(([, value]) => /:\/\/[^:/]+:(?!\$\{)[^@]+@|\$\{\w*PASSWORD:?-/u.test(value)).map(([name]) => name);
  const bare = values.filter(([name, value]) => /(?:PASSWORD|SECRET)/u.test(name) && !value.startsWith('${')).map(([name]) => name);
  const owners = build === undefined || restart === 'no' ? [] : values.filter(([, value]) => value.includes('OWNER_PASSWORD'));
  return [
    ...new Set([...written, ...bare]).values().map((name) => `${name} has a password of its own accord.`),
    ...owners.map(([name]) => `${name} tells the owner's password to what serves.`),
  ];
}
