/** Programs that the tests of the runtime half share, as text. */

/** `out = op(a, b)`, or `op(a)`, of one type, such as '8xf32'. */
export function elementwise(op: string, type: string, operands = 2): string {
  const names = ['%a', '%b'].slice(0, operands);
  return `module @${op} {
  func.func public @main(${names.map((name) => `${name}: tensor<${type}>`).join(', ')}) -> tensor<${type}> {
    %0 = stablehlo.${op} ${names.join(', ')} : tensor<${type}>
    return %0 : tensor<${type}>
  }
}`;
}

/** The product of an n x n matrix with itself, `times` over. */
export function matmul(n: number, times = 1): string {
  const type = `tensor<${n}x${n}xf32>`;
  const product = (i: number) =>
    `%${i + 1} = stablehlo.dot_general %${i || 'a'}, %a, contracting_dims = [1] x [0] : (${type}, ${type}) -> ${type}`;
  return `module @matmul {
  func.func public @main(%a: ${type}) -> ${type} {
    ${Array.from({ length: times }, (_, i) => product(i)).join('\n    ')}
    return %${times} : ${type}
  }
}`;
}

/** A loop that runs for `steps`, as long as anybody likes: 2^20 are about 100 ms. */
export function loop(steps: number): string {
  return `module @loop {
  func.func public @main(%a: tensor<8xf32>) -> tensor<8xf32> {
    %zero = stablehlo.constant dense<0> : tensor<i32>
    %one = stablehlo.constant dense<1> : tensor<i32>
    %steps = stablehlo.constant dense<${steps}> : tensor<i32>
    %r:2 = stablehlo.while(%i = %zero, %x = %a) : tensor<i32>, tensor<8xf32>
      cond {
        %p = stablehlo.compare LT, %i, %steps : (tensor<i32>, tensor<i32>) -> tensor<i1>
        stablehlo.return %p : tensor<i1>
      } do {
        %j = stablehlo.add %i, %one : tensor<i32>
        %y = stablehlo.tanh %x : tensor<8xf32>
        stablehlo.return %j, %y : tensor<i32>, tensor<8xf32>
      }
    return %r#1 : tensor<8xf32>
  }
}`;
}

/** One value of `type` that nobody has the memory for. */
export function huge(type: string): string {
  return `module @huge {
  func.func public @main() -> tensor<${type}> {
    %0 = stablehlo.iota dim = 0 : tensor<${type}>
    return %0 : tensor<${type}>
  }
}`;
}
