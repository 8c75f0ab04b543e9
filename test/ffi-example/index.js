const path = require('node:path');
const { stablehlo } = require('node-pjrt');

const library = path.join(__dirname, 'build', 'Release', 'acme.node');

/** Makes the custom calls of this package known to a plugin: once a process, and again is harmless. */
exports.register = (plugin) => {
  plugin.register('acme.axpy', { library, execute: 'acme_axpy', instantiate: 'acme_axpy_check' });
  plugin.register('acme.negate', { library, execute: 'acme_negate' });
};

exports.axpy = (a, x, y) => stablehlo.ffiCall('acme.axpy', [x, y], { results: [x.type], attributes: { a } })[0];

exports.negate = (x) => stablehlo.ffiCall('acme.negate', [x], { results: [x.type] })[0];
