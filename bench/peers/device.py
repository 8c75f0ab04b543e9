"""The rows of bench/device.mjs by JAX, on the device that it finds: medians, as JSON."""

import json
import time

import jax
import jax.numpy as jnp
import numpy as np


def median(work, runs):
    work()
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return sorted(seconds)[runs // 2]


a = jax.device_put(np.ones(8, np.float32))
add = jax.jit(lambda x, y: x + y)


def chain():
    total = a
    for _ in range(100):
        total = add(total, a)
    total.block_until_ready()


host = np.ones(2**28, np.float32)
on_device = jax.device_put(host)


def read():
    # What was read once is kept: another array each time.
    np.asarray(jax.block_until_ready(on_device + 0))


@jax.jit
def attend(q, k, v):
    scores = jnp.einsum('htd,hsd->hts', q, k, preferred_element_type=jnp.float32) / np.sqrt(q.shape[-1])
    rows = jnp.arange(q.shape[1])
    weights = jax.nn.softmax(jnp.where(rows[:, None] >= rows[None, :], scores, -jnp.inf), axis=-1)
    return jnp.einsum('hts,hsd->htd', weights.astype(v.dtype), v)


x = jax.device_put(np.full((16, 4096, 128), 0.1)).astype(jnp.bfloat16)
print(
    json.dumps(
        {
            'version': jax.__version__,
            'run of 8 additions, waited for': 1e6 * median(lambda: add(a, a).block_until_ready(), 3000),
            'run of 8 additions, dispatched': 1e6 * median(lambda: add(a, a), 3000),
            'one of 100 dispatched runs, each of the last one’s output': 1e4 * median(chain, 40),
            '1 GiB uploaded': 1e3 * median(lambda: jax.device_put(host).block_until_ready(), 5),
            '1 GiB read': 1e3 * median(read, 5),
            'attention, dense, causal, 16 heads x 128, T 4096, bf16': 1e3 * median(lambda: attend(x, x, x).block_until_ready(), 20),
        }
    )
)
