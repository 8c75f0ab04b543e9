"""The peers' attention, built and compiled ahead of time for a TPU that is not there: JAX's splash attention, and tokamax's.

usage: splash.py CASE, a JSON object:
  peer     jax | tokamax (the latter from its sources in the folder TOKAMAX_SRC)
  mask     causal | local (window) | full
  T, D, heads, kvHeads, window, topology
  pass     forward | forward+backward
  block, compute    tokens a tile of queries and of keys, and of keys at a time
  backward { block, compute, fused }
  minor    of q, k and v, HEAD_DIM (the default) or SEQ
  repeats  compiles, of which the fastest counts
Prints one JSON line: build (mask, trace and lowering) and compile in ms of processor time, which other work on the machine does not lengthen, and temporary bytes. LIBTPU_INIT_ARGS says whether there is a dump.
"""
import gc, importlib, json, os, sys, time, types

os.environ.update(JAX_PLATFORMS='cpu', TPU_SKIP_MDS_QUERY='1', ALLOW_MULTIPLE_LIBTPU_LOAD='1', TPU_ACCELERATOR_TYPE='v5p-8', TPU_WORKER_HOSTNAMES='localhost')
import jax, jax.numpy as jnp
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding


def modules(peer):
    if peer == 'jax':
        from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as kernel, splash_attention_mask as mask, splash_attention_mask_info as info
        return kernel, mask, info
    # The sub-package alone: tokamax's __init__ imports everything else that it has.
    package = 'tokamax._src.ops.experimental.tpu.splash_attention'
    names = package.split('.')
    for i in range(1, len(names) + 1):
        module = types.ModuleType('.'.join(names[:i]))
        module.__path__ = [os.path.join(os.environ['TOKAMAX_SRC'], *names[:i])]
        sys.modules[module.__name__] = module
    return [importlib.import_module(f'{package}.splash_attention_{part}') for part in ('kernel', 'mask', 'mask_info')]


def attention(case):
    kernel, masks, info = modules(case['peer'])
    # Every build analyses its masks.
    for function in vars(info).values():
        if hasattr(function, 'cache_clear'):
            function.cache_clear()
    T, heads, back = case['T'], case['heads'], case.get('backward') or {}
    sizes = dict(block_q=case['block'], block_kv=case['block'], block_kv_compute=case['compute'])
    if 'minor' in case:
        sizes |= {f'{name}_layout': kernel.QKVLayout[f'{minor}_MINOR'] for name, minor in zip('qkv', case['minor'])}
    if back:
        sizes |= dict(block_q_dkv=back['block'], block_kv_dkv=back['block'], block_kv_dkv_compute=back['compute'])

    def mask():
        if case['mask'] == 'local':
            return masks.LocalMask((T, T), (case['window'] - 1, 0), 0)
        return masks.FullMask((T, T)) if case['mask'] == 'full' else masks.CausalMask((T, T))

    # The mask is analysed as the function is traced: that is part of the build.
    def forward(q, k, v):
        if case['peer'] == 'tokamax':
            return kernel.make_splash_mha(mask=mask(), q_seq_shards=1, config=kernel.SplashConfig(**sizes))(q, k, v)
        if back:
            fused = back['fused']
            sizes.update(block_q_dq=None if fused else back['block'], block_kv_dq=None if fused else back['block'], use_fused_bwd_kernel=fused)
        every = masks.MultiHeadMask([mask()] * heads)
        return kernel.make_splash_mha(mask=every, head_shards=1, q_seq_shards=1, block_sizes=kernel.BlockSizes(**sizes))(q, k, v)

    if case['pass'] == 'forward':
        return forward

    def both(q, k, v, d_out):
        out, vjp = jax.vjp(forward, q, k, v)
        return out, *vjp(d_out)

    return both


def main():
    case = json.loads(sys.argv[1])
    where = SingleDeviceSharding(topologies.get_topology_desc(platform='tpu', topology_name=case.get('topology', 'v5p:2x2x1')).devices[0])
    shape = lambda n: jax.ShapeDtypeStruct((n, case['T'], case['D']), jnp.bfloat16, sharding=where)
    arguments = [shape(case['heads']), shape(case['kvHeads']), shape(case['kvHeads'])]
    if case['pass'] != 'forward':
        arguments.append(shape(case['heads']))
    times = []
    for _ in range(case.get('repeats', 1)):
        jax.clear_caches()
        gc.collect()
        begin = time.process_time()
        lowered = jax.jit(attention(case)).trace(*arguments).lower(lowering_platforms=('tpu',))
        built = time.process_time()
        compiled = lowered.compile()
        times.append((built - begin, time.process_time() - built))
    build, compile_ = (1e3 * min(column) for column in zip(*times))
    print(json.dumps(dict(build=build, compile=compile_, tempBytes=compiled.memory_analysis().temp_size_in_bytes)))


main()
