/** Control flow, calls to what the compiler or this process provides, and barriers. */
import { ShapeError } from '../../errors';
import { type TensorType, sameType, typeText } from '../../types';
import { attr, emit } from '../mlir';
import { type Bundle, type Tensor, broken, checkAxes, checkReturn, flatten, flattenLike, open, rebuild, types } from './core';

/**
 * Runs `body` on the state again and again, as long as `condition` of it holds; gives the last state. The state keeps its names and types.
 *
 *     whileLoop({ i: constant(0, index), x }, ({ i }) => compare(i, 10, 'LT'), ({ i, x }) => ({ i: add(i, 1), x: add(x, x) }))
 */
export function whileLoop<B extends Bundle>(state: B, condition: (state: B) => Tensor, body: (state: B) => B): B {
  const inputs = flatten(state);
  const inner = inputs.map((value) => value.type);
  const regions = [
    open(inner, (...args) => {
      const result = condition(rebuild(state, args));
      checkReturn('while', 'C1', 'condition', [result], [{ dtype: 'i1', shape: [] }]);
      return [result];
    }),
    open(inner, (...args) => {
      const results = flattenLike('while', 'C2', 'body', body(rebuild(state, args)), state);
      checkReturn('while', 'C2', 'body', results, inner);
      return results;
    }),
  ];
  return rebuild(state, emit('stablehlo.while', inputs, inner, {}, regions));
}

/** What branch number `index` gives (an i32 scalar); out of range, what the last one gives. All give the same names and types. */
export function caseOf<B extends Bundle>(index: Tensor, branches: readonly (() => B)[]): B {
  if (!sameType(index.type, { dtype: 'i32', shape: [] })) broken('case', 'I1', 'index is a tensor<i32>', typeText(index.type));
  if (!branches.length) broken('case', 'C1', 'there is at least one branch', 'none');
  return branch('case', 'C3', index, branches);
}

/** What `onTrue` gives if `pred`, an i1 scalar, holds, else what `onFalse` does; only that one runs. Both give the same names and types. */
export function ifElse<B extends Bundle>(pred: Tensor, onTrue: () => B, onFalse: () => B): B {
  if (!sameType(pred.type, { dtype: 'i1', shape: [] })) broken('if', 'I1', 'pred is a tensor<i1>', typeText(pred.type));
  return branch('if', 'C2', pred, [onTrue, onFalse]);
}

function branch<B extends Bundle>(name: string, label: string, operand: Tensor, branches: readonly (() => B)[]): B {
  let like: B | undefined;
  const regions = branches.map((body, i) =>
    open([], () => {
      const given = body();
      like ??= given;
      const results = flattenLike(name, label, `branch ${i}`, given, like);
      checkReturn(
        name,
        label,
        `branch ${i}`,
        results,
        flatten(like).map((value) => value.type),
      );
      return results;
    }),
  );
  const first = like as B;
  return rebuild(
    first,
    emit(
      `stablehlo.${name}`,
      [operand],
      flatten(first).map((value) => value.type),
      {},
      regions,
    ),
  );
}

export interface CustomCallOptions {
  /** Types of the results. */
  readonly results: readonly TensorType[];
  /** Text, or (with apiVersion 4) attribute names to MLIR text, as `attr` of mlir.ts writes it. */
  readonly backendConfig?: string | Readonly<Record<string, string>>;
  /** 4, XLA's typed FFI, where backendConfig is a dictionary; else 1, the oldest, unless given. */
  readonly apiVersion?: 1 | 2 | 3 | 4;
  /** Whether the call must happen even when nothing reads its results. */
  readonly hasSideEffect?: boolean;
  /** For each operand or result its axes, the one with adjacent elements first; both are given or neither. */
  readonly operandLayouts?: readonly (readonly number[])[];
  readonly resultLayouts?: readonly (readonly number[])[];
  /** Pairs of a result and the operand whose memory it takes over. */
  readonly outputOperandAliases?: readonly (readonly [result: number, operand: number])[];
  /** Further attributes, names to MLIR text. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A call to `target`, which the plugin knows or an FFI handler implements: its results' types are the caller's word. */
export function customCall(target: string, operands: readonly Tensor[], options: CustomCallOptions): Tensor[] {
  const { results, backendConfig, operandLayouts, resultLayouts, outputOperandAliases, hasSideEffect } = options;
  const typed = typeof backendConfig === 'object';
  const { apiVersion = typed ? 4 : 1 } = options;
  if (backendConfig !== undefined && typed !== (apiVersion === 4))
    broken(
      'custom_call',
      'I4',
      'backend_config is a dictionary in api_version 4, and text before',
      `${typeof backendConfig} in ${apiVersion}`,
    );
  if ((operandLayouts === undefined) !== (resultLayouts === undefined))
    throw new ShapeError('custom_call: layouts are given for operands and results or for neither; got one of them');
  const attributes: Record<string, string> = { call_target_name: attr.string(target), api_version: attr.integer(apiVersion, 'i32') };
  if (hasSideEffect) attributes.has_side_effect = 'true';
  if (backendConfig !== undefined) attributes.backend_config = typed ? attr.dictionary(backendConfig) : attr.string(backendConfig);
  if (operandLayouts && resultLayouts) {
    attributes.operand_layouts = layouts(
      'operand',
      operandLayouts,
      operands.map((value) => value.type),
    );
    attributes.result_layouts = layouts('result', resultLayouts, results);
  }
  if (outputOperandAliases) attributes.output_operand_aliases = aliases(outputOperandAliases, operands, results);
  return emit('stablehlo.custom_call', operands, results, { ...attributes, ...options.attributes });
}

function layouts(what: string, orders: readonly (readonly number[])[], of: readonly TensorType[]): string {
  const fits = orders.length === of.length && orders.every((order, i) => isPermutation(order, of[i].shape.length));
  if (!fits) {
    const got = `${JSON.stringify(orders)} for ${of.map(typeText).join(', ')}`;
    throw new ShapeError(`custom_call: there is a layout for each ${what}, an order of its axes; got ${got}`);
  }
  return attr.list(orders.map((order) => `dense<${order.length ? `[${order.join(', ')}]` : ''}> : tensor<${order.length}xindex>`));
}

function isPermutation(order: readonly number[], rank: number): boolean {
  return order.length === rank && [...order].sort((a, b) => a - b).every((d, i) => d === i);
}

function aliases(pairs: readonly (readonly [number, number])[], operands: readonly Tensor[], results: readonly TensorType[]): string {
  const texts = pairs.map(([result, operand]) => {
    checkAxes('custom_call', 'I7', 'aliased results', [result], results.length);
    checkAxes('custom_call', 'I7', 'aliased operands', [operand], operands.length);
    if (!sameType(results[result], operands[operand].type))
      broken(
        'custom_call',
        'I7',
        'an aliased result and operand have the same type',
        `${typeText(results[result])} and ${types([operands[operand]])}`,
      );
    const tuple = results.length === 1 ? '[]' : `[${result}]`;
    return `#stablehlo.output_operand_alias<output_tuple_indices = ${tuple}, operand_index = ${operand}, operand_tuple_indices = []>`;
  });
  return attr.list(texts);
}

/** The operands unchanged; the compiler moves no computation from one side to the other, and merges none across. */
export function optimizationBarrier<B extends Bundle>(operands: B): B {
  const inputs = flatten(operands);
  return rebuild(
    operands,
    emit(
      'stablehlo.optimization_barrier',
      inputs,
      inputs.map((value) => value.type),
    ),
  );
}
