"""JAX's splash attention, built and compiled ahead of time for a TPU that need not be here.

Reads one job from standard input and writes its figures to standard output, both JSON. A job: mask (dense, causal or window), window,
tokens, heads, kvHeads, headDim, block (tokens), topology, budgetMs. The figures: build (the mask, the kernel, the trace), lower (to StableHLO with the Mosaic
kernel in it) and compile (libtpu), each a list of [wall, processor] milliseconds, a repetition an entry, every one from cleared caches.
"""

import gc
import json
import resource
import sys
import time


def kernel(job, splash, masks):
    """The attention of [heads, tokens, headDim] queries; its mask is made and analysed whenever it is traced."""
    tokens, heads, block = job["tokens"], job["heads"], min(job["block"], job["tokens"])

    def mask():
        shape = (tokens, tokens)
        if job["mask"] == "causal":
            return masks.CausalMask(shape)
        if job["mask"] == "window":
            return masks.LocalMask(shape, (job["window"] - 1, 0), 0)
        import numpy

        return masks.NumpyMask(numpy.tri(tokens, dtype=bool))

    def attend(q, k, v):
        sizes = splash.BlockSizes(block_q=block, block_kv=block, block_kv_compute=block)
        run = splash.make_splash_mha(mask=masks.MultiHeadMask([mask()] * heads), head_shards=1, q_seq_shards=1, block_sizes=sizes)
        return run(q, k, v)

    return attend


def clear(jax, info):
    """Forgets earlier repetitions: traces, and masks analysed."""
    jax.clear_caches()
    for name in ("_process_mask", "process_mask"):
        forget = getattr(getattr(info, name, None), "cache_clear", None)
        if forget:
            forget()
    gc.collect()


def measure(job):
    import jax
    import jax.numpy as jnp
    from jax.experimental import topologies
    from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as splash
    from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_mask as masks
    from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_mask_info as info

    devices = topologies.get_topology_desc(platform="tpu", topology_name=job["topology"]).devices
    sharding = jax.sharding.SingleDeviceSharding(devices[0])
    of = lambda count: jax.ShapeDtypeStruct((count, job["tokens"], job["headDim"]), jnp.bfloat16, sharding=sharding)
    shapes = (of(job["heads"]), of(job["kvHeads"]), of(job["kvHeads"]))
    attend = kernel(job, splash, masks)
    phases = {"build": [], "lower": [], "compile": []}
    begin = time.perf_counter()
    while True:
        clear(jax, info)
        marks = [(time.perf_counter(), time.process_time())]
        mark = lambda: marks.append((time.perf_counter(), time.process_time()))
        traced = jax.jit(attend).trace(*shapes)
        mark()
        lowered = traced.lower(lowering_platforms=("tpu",))
        mark()
        compiled = lowered.compile()
        mark()
        for (name, runs), before, after in zip(phases.items(), marks, marks[1:]):
            runs.append([1000 * (after[0] - before[0]), 1000 * (after[1] - before[1])])
        # The next one, as long as this, would end beyond the budget.
        spent = 1000 * (time.perf_counter() - begin)
        if spent * (1 + 1 / len(phases["build"])) > job["budgetMs"]:
            break
    memory = compiled.memory_analysis()
    return {
        "version": jax.__version__,
        "phases": phases,
        "textBytes": len(lowered.as_text()),
        "codeBytes": memory.generated_code_size_in_bytes,
        "tempBytes": memory.temp_size_in_bytes,
        "cpuMs": 1000 * time.process_time(),
        "peakBytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


if __name__ == "__main__":
    print(json.dumps(measure(json.load(sys.stdin))))
