import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What each folder of src/ may import; the dependency rule of docs/architecture.md. */
const MAY_IMPORT = {
  domain: [],
  bundle: ['domain'],
  networks: ['domain', 'bundle'],
  pipeline: ['domain', 'bundle'],
  runtime: ['domain', 'bundle', 'networks'],
  forge: ['domain', 'bundle'],
  storage: ['domain'],
  'model-store': ['domain', 'bundle', 'storage'],
  engine: ['domain', 'bundle', 'api'],
  jobs: ['domain'],
  api: ['domain'],
  gallery: ['domain', 'storage'],
  app: [
    'domain',
    'bundle',
    'networks',
    'pipeline',
    'runtime',
    'forge',
    'storage',
    'model-store',
    'engine',
    'jobs',
    'api',
    'gallery',
    'i18n',
  ],
  i18n: ['domain'],
  ui: ['app', 'domain', 'i18n', 'pwa'],
  pwa: ['app', 'domain'],
};

/** The one folder that may import each library. */
const ONLY_IN = {
  runtime: ['onnxruntime-web', 'onnxruntime-web/*', 'onnxruntime-common'],
  engine: ['comlink'],
  storage: ['idb-keyval'],
  ui: ['preact', 'preact/*'],
};

const folders = Object.keys(MAY_IMPORT);

const importRules = folders.map((folder) => {
  const forbiddenFolders = folders.filter((other) => other !== folder && !MAY_IMPORT[folder].includes(other));
  const forbiddenLibraries = Object.entries(ONLY_IN).flatMap(([owner, libraries]) =>
    owner === folder ? [] : libraries,
  );
  return {
    files: [`src/${folder}/**/*.{ts,tsx}`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: forbiddenFolders.map((other) => `**/${other}/**`),
              message: `src/${folder} may import: ${MAY_IMPORT[folder].join(', ') || 'nothing of src'}.`,
            },
            {
              group: forbiddenLibraries,
              message: 'Another folder owns this library (see ONLY_IN in eslint.config.js).',
            },
            { group: ['node:*'], message: 'src/ runs in browsers; Node code lives in cli/ and test/.' },
          ],
        },
      ],
    },
  };
});

export default tseslint.config(
  { ignores: ['dist/', 'out/', 'node_modules/', 'public/', 'models/', 'coverage/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.app.json', './tsconfig.worker.json', './tsconfig.node.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off', // indexed access on typed arrays is checked by noUncheckedIndexedAccess
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: {
            direct: true,
            named: true,
            defaultFrom: true,
            namedFrom: true,
            namespaceFrom: true,
          },
        },
      ],
    },
  },
  ...importRules,
  { files: ['*.config.{js,ts}'], rules: { 'no-restricted-exports': 'off' } },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
);
