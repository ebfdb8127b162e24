/** `icecore doctor`: tries the store, looks at the bucket and this host, and prints what to change and what to paste. */
import { POLICY_ROLES, type PolicyRole } from '../plan/policies.ts';
import { doctorFindingLines, doctorHeading, doctorSummary } from '../ui/doctor.ts';
import { encodeLine } from '../ui/json-lines.ts';
import type { DoctorFinding } from '../work/doctor-check.ts';
import { defineCommand, type Result } from './command.ts';
import { type Context, usesColour } from './context.ts';
import { usage } from './values.ts';

interface Options {
  readonly policy: PolicyRole | undefined;
  readonly isLifecycle: boolean;
  readonly usesTags: boolean;
}

export const doctor = defineCommand<Options>({
  name: 'doctor',
  summary: 'try the store, look at its settings and at this host, and say what to change',
  details: [
    'Writes small objects below probe/ in the repository, and to a bucket about 39 MB, and removes them again. Asks for no passphrase. Errors end with exit 1; warnings do so with --strict',
    'With --policy or --lifecycle, prints a document to paste instead, and sends nothing',
  ],
  arguments: [],
  options: [
    {
      flags: '--policy <role>',
      help: 'print the least IAM policy of a role: a host that backs up, one that restores, the admin',
      choices: POLICY_ROLES,
    },
    { flags: '--with-tags', help: 'let the policy allow objects with tags' },
    { flags: '--lifecycle', help: 'print the lifecycle rules that the bucket should have' },
  ],
  examples: [
    ['icecore doctor', 'check everything'],
    ['icecore doctor -r s3://bucket/nas --policy writer', 'print what a host that backs up may do, and no more'],
    ['icecore doctor -r s3://bucket/nas --lifecycle', 'print rules that end unfinished uploads and old versions'],
  ],
  parse(values) {
    const policy = POLICY_ROLES.find((role) => role === values.text('policy'));
    const isLifecycle = values.flag('lifecycle');
    const usesTags = values.flag('with-tags');
    if (policy !== undefined && isLifecycle) {
      throw usage('two-documents', `${values.label('policy')} and ${values.label('lifecycle')} exclude each other`);
    }
    if (usesTags && policy === undefined) {
      throw usage('tags-of-nothing', `${values.label('with-tags')} needs --policy`);
    }
    return { policy, isLifecycle, usesTags };
  },
  async run(options, context) {
    const url = await context.repository();
    if (options.policy !== undefined || options.isLifecycle) return await printDocument(url, options, context);
    return await examine(url, context);
  },
});

async function printDocument(url: string, { policy, usesTags }: Options, context: Context): Promise<Result> {
  const documents = await context.io.verbs.bucketDocuments();
  const made =
    policy === undefined ? documents.lifecycleDocument(url) : documents.policyDocument(url, policy, usesTags);
  const kind = policy === undefined ? 'lifecycle' : 'policy';
  const role = policy === undefined ? {} : { role: policy };
  context.print('document', { kind, ...role, document: made.document }, [JSON.stringify(made.document, null, 2)]);
  if (!made.isAws) {
    context.note(`this is in the language of AWS; other stores understand parts of it, and some of them none`);
  } else if (policy === undefined) {
    context.note(
      `save it as lifecycle.json, add the rules that the bucket has already (these replace them), and run: aws s3api put-bucket-lifecycle-configuration --bucket ${made.bucket} --lifecycle-configuration file://lifecycle.json`,
    );
  } else {
    context.note('attach it to the IAM user or role whose credentials are used there, as a managed policy');
  }
  return { summary: { kind, ...role, bucket: made.bucket } };
}

async function examine(url: string, context: Context): Promise<Result> {
  const { io, globals, out } = context;
  const { runDoctor } = await io.verbs.doctor();
  const { keyFile } = await context.credentials(url);
  const store = await context.openStore(url);
  try {
    let group: string | undefined;
    const style = { columns: out.columns, inColour: out.isTerminal && usesColour(io) };
    const report = (finding: DoctorFinding): void => {
      if (globals.isJson) {
        out.line(encodeLine('finding', { ...finding }));
        return;
      }
      if (globals.isQuiet && (finding.severity === 'ok' || finding.severity === 'note')) return;
      if (group !== finding.group) out.line(doctorHeading(finding.group));
      group = finding.group;
      for (const line of doctorFindingLines(finding, style)) out.line(line);
    };
    const options = {
      places: context.places,
      clock: io.clock,
      ...(keyFile === undefined ? {} : { keyFile }),
    };
    const stats = await runDoctor(store, options, report, io.signal);
    if (!globals.isJson && !globals.isQuiet) for (const line of doctorSummary(stats)) out.line(line);
    const { counts, ...others } = stats;
    const isFailed = counts.error > 0 || (globals.isStrict && counts.warning > 0);
    return {
      summary: {
        repository: store.location,
        errors: counts.error,
        warnings: counts.warning,
        notes: counts.note,
        passed: counts.ok,
        ...others,
      },
      ending: isFailed ? 'failed' : 'done',
    };
  } finally {
    await store.close();
  }
}
