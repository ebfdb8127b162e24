/** `icecore init`: creates a repository and prints what to keep. */
import { recoveryKitLines } from '../ui/recovery-kit.ts';
import { isBucketUrl } from './bucket-options.ts';
import { defineCommand } from './command.ts';
import { type RepositoryChoices, readRepositoryOptions, repositoryOptions } from './repository-options.ts';
import { usage } from './values.ts';

interface Options extends RepositoryChoices {
  readonly url: string;
  readonly existsOk: boolean;
}

export const init = defineCommand<Options>({
  name: 'init',
  summary: 'create a repository and print its recovery kit',
  details: [
    'Asks for a passphrase, which opens the repository anywhere. This host keeps a key that can back up and read nothing, so that later backups ask for nothing',
  ],
  arguments: [{ name: 'repository', isOptional: true, complete: 'directory' }],
  options: [
    ...repositoryOptions,
    { flags: '--exists-ok', help: 'succeed when the repository is there already, and leave it as it is' },
  ],
  examples: [
    ['icecore init /mnt/backup', 'create one in a directory'],
    ['icecore init s3://bucket/photos --storage-class DEEP_ARCHIVE --region eu-central-1', 'create one in a bucket'],
    ['icecore init -r /mnt/backup --password-file ~/.backup-pass', 'take the passphrase from a file'],
  ],
  parse(values, context) {
    const [named] = values.args;
    if (named !== undefined && values.source('repository') === 'option') {
      throw usage('two-repositories', 'the repository is given twice', 'leave out --repository, or the argument');
    }
    const url = named === undefined ? context.configuredRepository() : context.repositoryUrl(named);
    if (url === undefined) {
      throw usage('no-repository', 'which repository is to be created', 'icecore init /mnt/backup');
    }
    return { ...readRepositoryOptions(values, url), url, existsOk: values.flag('exists-ok') };
  },
  async run({ url, ...options }, context) {
    const { io } = context;
    const { initRepository } = await io.verbs.init();
    const passphrase = await context.newPassphrase();
    const { region } = options;
    const store = await context.openStore(url, { create: true, ...(region === undefined ? {} : { region }) });
    try {
      const made = await initRepository(
        store,
        context.places,
        { ...options, passphrase, host: io.host(), user: io.user() },
        io.clock,
      );
      const { repository, created, hostKeyFile, ...stats } = made;
      try {
        if (!context.globals.isJson) {
          const location = isBucketUrl(url) ? url : repository.location;
          const kit = { location, id: repository.id, ageType: options.ageType, hostKeyFile };
          const lines = created ? recoveryKitLines(kit) : [`there already: ${repository.location} (${repository.id})`];
          for (const line of lines) context.out.line(line);
        }
        return { summary: { repository: repository.location, id: repository.id, created, hostKeyFile, ...stats } };
      } finally {
        await repository.close();
      }
    } finally {
      await store.close();
    }
  },
});
