"""PyTorch's attention on the CPU, one run at a time as bench/cpu.mjs asks: JSON lines in, a JSON line out for each.

usage: torch_attention.py THREADS
  {"open": CASE}   runs each of the peers SDPA and flex once: {"version", "peers": {name: {"samples"} or {"error"}}}, samples as `sample` has them
  {"run": name}    runs the peer once more: {"ms"}
CASE: heads, kvHeads, queries, keys, headDim, dtype f32 | bf16, mask full | causal | window, window (keys with self), backward.
"""
import json, os, sys, time

replies = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)
import numpy as np, torch
import torch.nn.functional as F
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

torch.set_num_threads(int(sys.argv[1]))


def values(seed, shape):
    """The array that bench/peers/values.mjs has for this seed."""
    with np.errstate(over='ignore'):
        n = (np.arange(np.prod(shape), dtype=np.uint32) + np.uint32(seed << 28)) * np.uint32(0x9E3779B1)
        n = (n ^ (n >> np.uint32(15))) * np.uint32(0x85EBCA6B)
    return ((n ^ (n >> np.uint32(13))) / 2**32 * 3.4 - 1.7).astype(np.float32).reshape(shape)


def sample(tensor):
    """32 values, evenly from the first to the last."""
    flat = tensor.detach().reshape(-1)
    return [float(flat[i * (len(flat) - 1) // 31]) for i in range(32)]


def predicate(case):
    if case['mask'] == 'causal':
        return lambda b, h, i, j: i >= j
    return lambda b, h, i, j: (i >= j) & (i - j < case['window'])


def sdpa(case):
    # A window has no form here but a mask of T x T booleans.
    rows = lambda n: torch.arange(n)
    mask = predicate(case)(0, 0, rows(case['queries'])[:, None], rows(case['keys'])[None, :]) if case['mask'] == 'window' else None
    grouped = case['heads'] != case['kvHeads']
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask, is_causal=case['mask'] == 'causal', enable_gqa=grouped)


def flex(case):
    if case['backward']:
        return None
    torch._dynamo.reset()
    blocks = None if case['mask'] == 'full' else create_block_mask(predicate(case), None, None, case['queries'], case['keys'], device='cpu')
    compiled = torch.compile(flex_attention, dynamic=False)
    return lambda q, k, v: compiled(q, k, v, block_mask=blocks, enable_gqa=case['heads'] != case['kvHeads'])


def runner(attention, case):
    dtype = {'f32': torch.float32, 'bf16': torch.bfloat16}[case['dtype']]
    make = lambda seed, heads, tokens: torch.from_numpy(values(seed, (1, case[heads], case[tokens], case['headDim']))).to(dtype)
    inputs = [make(1, 'heads', 'queries'), make(2, 'kvHeads', 'keys'), make(3, 'kvHeads', 'keys')]
    if not case['backward']:

        def forward():
            with torch.no_grad():
                return {'out': attention(*inputs)}

        return forward
    d_out = make(4, 'heads', 'queries')
    for tensor in inputs:
        tensor.requires_grad_()

    def both():
        out = attention(*inputs)
        return dict(zip(('out', 'dq', 'dk', 'dv'), (out, *torch.autograd.grad(out, inputs, d_out))))

    return both


runners = {}
for line in sys.stdin:
    request = json.loads(line)
    if 'run' in request:
        run = runners[request['run']]
        begin = time.perf_counter()
        outputs = run()
        reply = {'ms': 1e3 * (time.perf_counter() - begin)}
        del outputs
    else:
        runners.clear()
        reply = {'version': f'PyTorch {torch.__version__}', 'peers': {}}
        for name, peer in (('SDPA', sdpa), ('flex', flex)):
            try:
                attention = peer(request['open'])
                if attention:
                    run = runner(attention, request['open'])
                    reply['peers'][name] = {'samples': {key: sample(value) for key, value in run().items()}}
                    runners[name] = run
            except Exception as error:
                reply['peers'][name] = {'error': f'{type(error).__name__}: {error}'.split('\n')[0][:200]}
    print(json.dumps(reply), file=replies, flush=True)
