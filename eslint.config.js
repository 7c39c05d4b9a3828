'use strict';

const fs = require('node:fs');
const path = require('node:path');
const js = require('@eslint/js');
const globals = require('globals');

/** The globals that `lib/primordials.js` keeps. */
function captured() {
  const text = fs.readFileSync(path.join(__dirname, 'lib', 'primordials.js'), 'utf8');
  return text.match(/export const \{([^}]*)\} = globalThis/)[1].match(/\w+/g);
}

module.exports = [
  { ignores: ['target/', 'node_modules/', 'dist/'] },
  js.configs.recommended,
  {
    files: ['**/*.js', '**/*.cjs'],
    languageOptions: { ecmaVersion: 2022, sourceType: 'commonjs', globals: globals.node },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-shadow': 'error',
      'no-var': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
      'object-shorthand': 'error',
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { ecmaVersion: 2022, sourceType: 'module', globals: globals.node },
  },
  {
    // What runs is CommonJS that is made of them.
    files: ['lib/**/*.js', 'start/**'],
    languageOptions: { sourceType: 'module' },
  },
  {
    // As they were when wrt was loaded: a program may have replaced them.
    files: ['lib/**'],
    ignores: ['lib/primordials.js'],
    rules: { 'no-restricted-globals': ['error', ...captured()] },
  },
  {
    files: ['__test__/**'],
    languageOptions: { globals: { ...globals.jest, wrtTest: 'readonly' } },
  },
];
