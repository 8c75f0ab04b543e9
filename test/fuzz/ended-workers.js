/** Workers that are ended in the middle of anything, one after another: `node ended-workers.js COUNT SEED`. */
const { once } = require('node:events');
const { isMainThread, parentPort, Worker } = require('node:worker_threads');
const fc = require('fast-check');
const { Client, hostArray, tensor } = require('node-pjrt');

const type = tensor('f32', [1024]);
const text = `func.func @main(%a: tensor<1024xf32>) -> tensor<1024xf32> {
  %0 = stablehlo.tanh %a : tensor<1024xf32>
  return %0 : tensor<1024xf32>
}`;

/** All that crosses between JavaScript and a plugin, several at the same time, for ever. */
async function work() {
  const client = await Client.open('cpu', { devices: 2, cache: false });
  const executable = await client.compile(text);
  const array = hostArray(type);
  parentPort.postMessage('at work');
  const run = async () => {
    const a = client.alias(type, array);
    const { out } = await executable.run({ a });
    await Promise.all([out.read(), out.view(), a.ready(), out.copyTo(client.devices[1]).read()]);
    client.upload(type, new Float32Array(1024)).dispose();
  };
  for (;;) await Promise.all([run(), run(), client.compile(text), Client.open('cpu', { cache: false })]);
}

async function main(count, seed) {
  for (const delay of fc.sample(fc.integer({ min: 0, max: 20 }), { seed, numRuns: count })) {
    const worker = new Worker(__filename);
    await once(worker, 'message');
    await new Promise((resolve) => setTimeout(resolve, delay));
    await worker.terminate();
  }
  // The plugin still works.
  const client = await Client.open('cpu', { cache: false });
  await client.upload(type, new Float32Array(1024)).read();
  client.dispose();
}

if (isMainThread) main(...process.argv.slice(2, 4).map(Number));
else work();
