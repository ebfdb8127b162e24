/**
 * The way from the command line to the floors below, one loader a module: a command loads what it needs when it runs,
 * so that `icecore --help` starts without any of it.
 */

/** Loads modules of the lower floors. */
export interface Verbs {
  store(): Promise<Pick<typeof import('../store/open-store.ts'), 'openStore'>>;
  repository(): Promise<Pick<typeof import('../repo/repository.ts'), 'openRepository'>>;
  init(): Promise<Pick<typeof import('../work/init.ts'), 'initRepository'>>;
  backup(): Promise<Pick<typeof import('../work/backup.ts'), 'runBackup'>>;
  browse(): Promise<
    Pick<typeof import('../work/snapshot-list.ts'), 'listSnapshots' | 'resolveSnapshot'> &
      Pick<typeof import('../work/listing.ts'), 'listEntries'> &
      Pick<typeof import('../work/find.ts'), 'findEntries'> &
      Pick<typeof import('../work/difference.ts'), 'diffSnapshots'>
  >;
  dump(): Promise<Pick<typeof import('../work/dump.ts'), 'runDump'>>;
  restore(): Promise<
    Pick<typeof import('../work/restore-cold.ts'), 'restoreFrom'> &
      Pick<typeof import('../work/restore.ts'), 'runRestore'>
  >;
  thaw(): Promise<
    Pick<typeof import('../work/restore-cold.ts'), 'resumeJob'> &
      Pick<typeof import('../work/thaw-jobs.ts'), 'listJobs' | 'ownJobs' | 'describeJob' | 'lookAtJob' | 'cancelJob'> &
      Pick<typeof import('../repo/thaw-jobs.ts'), 'findThawJob'>
  >;
  verify(): Promise<Pick<typeof import('../work/verify.ts'), 'runVerify'>>;
  audit(): Promise<Pick<typeof import('../work/verify-audit.ts'), 'writeAudit'>>;
  drill(): Promise<Pick<typeof import('../work/drill.ts'), 'runDrill'>>;
  cost(): Promise<Pick<typeof import('../work/cost.ts'), 'runCost'>>;
  terms(): Promise<Pick<typeof import('../work/repository-terms.ts'), 'termsOfRepository'>>;
  doctor(): Promise<Pick<typeof import('../work/doctor.ts'), 'runDoctor'>>;
  bucketDocuments(): Promise<
    Pick<typeof import('../work/bucket-documents.ts'), 'policyDocument' | 'lifecycleDocument'>
  >;
  keys(): Promise<Pick<typeof import('../work/keys.ts'), 'listKeys' | 'testKey' | 'exportWriter'>>;
}

/** The real ones. */
export const verbs: Verbs = {
  store: () => import('../store/open-store.ts'),
  repository: () => import('../repo/repository.ts'),
  init: () => import('../work/init.ts'),
  backup: () => import('../work/backup.ts'),
  browse: async () => ({
    ...(await import('../work/snapshot-list.ts')),
    ...(await import('../work/listing.ts')),
    ...(await import('../work/find.ts')),
    ...(await import('../work/difference.ts')),
  }),
  dump: () => import('../work/dump.ts'),
  restore: async () => ({
    ...(await import('../work/restore-cold.ts')),
    ...(await import('../work/restore.ts')),
  }),
  thaw: async () => ({
    ...(await import('../work/restore-cold.ts')),
    ...(await import('../work/thaw-jobs.ts')),
    ...(await import('../repo/thaw-jobs.ts')),
  }),
  verify: () => import('../work/verify.ts'),
  audit: () => import('../work/verify-audit.ts'),
  drill: () => import('../work/drill.ts'),
  cost: () => import('../work/cost.ts'),
  terms: () => import('../work/repository-terms.ts'),
  doctor: () => import('../work/doctor.ts'),
  bucketDocuments: () => import('../work/bucket-documents.ts'),
  keys: () => import('../work/keys.ts'),
};
