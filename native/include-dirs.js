// Prints the directories the addon is compiled with: node-addon-api's, that of pjrt_c_api.h and that of xla/ffi/api, the latter two
// from the plugin cache. `node native/include-dirs.js` prints compiler flags for binding.gyp, `--cmake` a list for CMakeLists.txt.
const { dirname } = require('node:path');

try {
  const dirs = [dirname(require.resolve('node-addon-api')), ...require('../dist/supply').includeDirs()];
  // System directories, so that only our own warnings show. gyp splits words as a shell does and then pastes each into a shell command
  // of its Makefile: hence a space is escaped for either.
  // Their names in messages of errors are those under `include`: an addon is packed for other machines.
  const flags = dirs.flatMap((dir) =>
    [`-isystem${dir}`, `-fmacro-prefix-map=${dir}=include`].map((flag) => `'${flag.replaceAll(' ', '\\ ')}'`),
  );
  console.log(process.argv[2] === '--cmake' ? dirs.join(';') : flags.join(' '));
} catch (error) {
  console.error(`${error.message.split('\n')[0]}; \`node setup.mjs\` does all there is to do`);
  process.exitCode = 1;
}
