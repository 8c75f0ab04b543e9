// jax.experimental.pallas.ops.tpu.splash_attention, dq: causal, 2 heads of 128, 512 tokens, blocks of 128.
// Printed from JAX 0.10.2 (Apache-2.0) as it lowers that kernel for TPU v5p, by the versioned dialect of its own serialisation pass.
"builtin.module"() ({
  "stable_mosaic.func.func"() ({
  ^bb0(%arg45: i32, %arg46: i32, %arg47: i32, %arg48: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg49: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg50: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg51: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg52: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg53: memref<1x1x128xf32, #tpu.memory_space<vmem>>, %arg54: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg55: memref<1x1x128xf32, #tpu.memory_space<vmem>>, %arg56: memref<128x128xi32, #tpu.memory_space<vmem>>, %arg57: memref<128x128xf32, #tpu.memory_space<vmem>>, %arg58: memref<1x128x128xbf16, #tpu.memory_space<vmem>>):
    %43 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %44 = "stable_mosaic.arith.cmpi"(%arg47, %43) {predicate = 0 : i64} : (i32, i32) -> i1
    %45 = "stable_mosaic.arith.extui"(%44) : (i1) -> i32
    %46 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %47 = "stable_mosaic.arith.cmpi"(%45, %46) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%47) ({
      %147 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %148 = "stable_mosaic.vector.broadcast"(%147) : (f32) -> vector<128x128xf32>
      %149 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %150 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %151 = "stable_mosaic.vector.load"(%arg57, %149, %150) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%148, %arg57, %149, %150) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    %48 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %49 = "stable_mosaic.arith.index_cast"(%arg46) : (i32) -> index
    %50 = "stable_mosaic.arith.index_cast"(%arg47) : (i32) -> index
    %51 = "stable_mosaic.memref.load"(%arg49, %48, %49, %50) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %52 = "stable_mosaic.arith.extsi"(%51) : (i8) -> i32
    %53 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %54 = "stable_mosaic.arith.cmpi"(%52, %53) {predicate = 4 : i64} : (i32, i32) -> i1
    %55 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %56 = "stable_mosaic.arith.index_cast"(%arg46) : (i32) -> index
    %57 = "stable_mosaic.arith.index_cast"(%arg47) : (i32) -> index
    %58 = "stable_mosaic.memref.load"(%arg48, %55, %56, %57) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %59 = "stable_mosaic.arith.extsi"(%58) : (i8) -> i32
    %60 = "stable_mosaic.arith.extui"(%54) : (i1) -> i32
    %61 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %62 = "stable_mosaic.arith.cmpi"(%60, %61) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%62) ({
      %83 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %84 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %85 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %86 = "stable_mosaic.vector.load"(%arg50, %83, %84, %85) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %87 = "stable_mosaic.vector.shape_cast"(%86) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %88 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %89 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %90 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %91 = "stable_mosaic.vector.load"(%arg51, %88, %89, %90) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %92 = "stable_mosaic.vector.shape_cast"(%91) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %93 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %94 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %95 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %96 = "stable_mosaic.vector.load"(%arg52, %93, %94, %95) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %97 = "stable_mosaic.vector.shape_cast"(%96) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %98 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %99 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %100 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %101 = "stable_mosaic.vector.load"(%arg53, %98, %99, %100) : (memref<1x1x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
      %102 = "stable_mosaic.vector.shape_cast"(%101) : (vector<1x1x128xf32>) -> vector<128xf32>
      %103 = "stable_mosaic.vector.shape_cast"(%102) : (vector<128xf32>) -> vector<128x1xf32>
      %104 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %105 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %106 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %107 = "stable_mosaic.vector.load"(%arg54, %104, %105, %106) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %108 = "stable_mosaic.vector.shape_cast"(%107) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %109 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %110 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %111 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %112 = "stable_mosaic.vector.load"(%arg55, %109, %110, %111) : (memref<1x1x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
      %113 = "stable_mosaic.vector.shape_cast"(%112) : (vector<1x1x128xf32>) -> vector<128xf32>
      %114 = "stable_mosaic.vector.shape_cast"(%113) : (vector<128xf32>) -> vector<128x1xf32>
      %115 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %116 = "stable_mosaic.tpu.matmul"(%87, %92, %115) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %117 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %118 = "stable_mosaic.arith.muli"(%59, %117) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %119 = "stable_mosaic.tpu.iota"() {dimensions = array<i32: 1>} : () -> vector<128x128xi32>
      %120 = "stable_mosaic.vector.broadcast"(%118) : (i32) -> vector<128x128xi32>
      %121 = "stable_mosaic.arith.addi"(%120, %119) {overflowFlags = #arith.overflow<none>} : (vector<128x128xi32>, vector<128x128xi32>) -> vector<128x128xi32>
      %122 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %123 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %124 = "stable_mosaic.vector.load"(%arg56, %122, %123) : (memref<128x128xi32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xi32>
      %125 = "stable_mosaic.arith.cmpi"(%124, %121) {predicate = 5 : i64} : (vector<128x128xi32>, vector<128x128xi32>) -> vector<128x128xi1>
      %126 = "stable_mosaic.arith.constant"() {value = -2.38197633E+38 : f32} : () -> f32
      %127 = "stable_mosaic.vector.broadcast"(%126) : (f32) -> vector<128x128xf32>
      %128 = "stable_mosaic.arith.select"(%125, %116, %127) : (vector<128x128xi1>, vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %129 = "stable_mosaic.vector.broadcast"(%103) : (vector<128x1xf32>) -> vector<128x128xf32>
      %130 = "stable_mosaic.arith.subf"(%128, %129) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %131 = "stable_mosaic.math.exp"(%130) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>) -> vector<128x128xf32>
      %132 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %133 = "stable_mosaic.tpu.matmul"(%108, %97, %132) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %134 = "stable_mosaic.vector.broadcast"(%114) : (vector<128x1xf32>) -> vector<128x128xf32>
      %135 = "stable_mosaic.arith.subf"(%133, %134) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %136 = "stable_mosaic.arith.mulf"(%135, %131) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %137 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %138 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %139 = "stable_mosaic.vector.load"(%arg57, %137, %138) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %140 = "stable_mosaic.arith.truncf"(%136) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %141 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %142 = "stable_mosaic.tpu.matmul"(%140, %92, %141) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %143 = "stable_mosaic.arith.addf"(%139, %142) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %144 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %145 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %146 = "stable_mosaic.vector.load"(%arg57, %144, %145) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%143, %arg57, %144, %145) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    %63 = "stable_mosaic.arith.constant"() {value = 3 : i32} : () -> i32
    %64 = "stable_mosaic.arith.cmpi"(%arg47, %63) {predicate = 0 : i64} : (i32, i32) -> i1
    %65 = "stable_mosaic.arith.extui"(%64) : (i1) -> i32
    %66 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %67 = "stable_mosaic.arith.cmpi"(%65, %66) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%67) ({
      %68 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %69 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %70 = "stable_mosaic.vector.load"(%arg57, %68, %69) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %71 = "stable_mosaic.arith.truncf"(%70) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %72 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %73 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %74 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %75 = "stable_mosaic.vector.load"(%arg58, %72, %73, %74) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %76 = "stable_mosaic.vector.shape_cast"(%75) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %77 = "stable_mosaic.vector.shape_cast"(%71) : (vector<128x128xbf16>) -> vector<1x128x128xbf16>
      "stable_mosaic.tpu.vector_store"(%77, %arg58, %72, %73, %74) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xbf16>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> ()
      %78 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %79 = "stable_mosaic.vector.broadcast"(%78) : (f32) -> vector<128x128xf32>
      %80 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %81 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %82 = "stable_mosaic.vector.load"(%arg57, %80, %81) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%79, %arg57, %80, %81) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    "stable_mosaic.func.return"() : () -> ()
  }) {dimension_semantics = [#tpu.dimension_semantics<arbitrary>, #tpu.dimension_semantics<arbitrary>, #tpu.dimension_semantics<arbitrary>], function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x1x128xf32, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x1x128xf32, #tpu.memory_space<vmem>>, memref<128x128xi32, #tpu.memory_space<vmem>>, memref<128x128xf32, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> (), iteration_bounds = array<i64: 2, 4, 4>, scalar_prefetch = 2 : i64, scratch_operands = 0 : i64, sym_name = "splash_mha_dq_no_residuals", tpu.core_type = #tpu.core_type<tc>, window_params = [{transform_indices = @transform_0, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_1, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_2, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_3, window_bounds = array<i64: 1, 1, 128>}, {transform_indices = @transform_4, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_5, window_bounds = array<i64: 1, 1, 128>}, {transform_indices = @transform_6, window_bounds = array<i64: 128, 128>}, {pipeline_mode = #tpu.pipeline_mode<synchronous>, transform_indices = @transform_7, window_bounds = array<i64: 128, 128>}, {transform_indices = @transform_8, window_bounds = array<i64: 1, 128, 128>}]} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg40: i32, %arg41: i32, %arg42: i32, %arg43: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg44: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %41 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %42 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg40, %arg41, %41) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_0"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg35: i32, %arg36: i32, %arg37: i32, %arg38: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg39: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %27 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %28 = "stable_mosaic.arith.index_cast"(%arg36) : (i32) -> index
    %29 = "stable_mosaic.arith.index_cast"(%arg37) : (i32) -> index
    %30 = "stable_mosaic.memref.load"(%arg39, %27, %28, %29) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %31 = "stable_mosaic.arith.extsi"(%30) : (i8) -> i32
    %32 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %33 = "stable_mosaic.arith.cmpi"(%31, %32) {predicate = 4 : i64} : (i32, i32) -> i1
    %34 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %35 = "stable_mosaic.arith.index_cast"(%arg36) : (i32) -> index
    %36 = "stable_mosaic.arith.index_cast"(%arg37) : (i32) -> index
    %37 = "stable_mosaic.memref.load"(%arg38, %34, %35, %36) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %38 = "stable_mosaic.arith.extsi"(%37) : (i8) -> i32
    %39 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %40 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg35, %38, %39) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_1"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg30: i32, %arg31: i32, %arg32: i32, %arg33: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg34: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %13 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %14 = "stable_mosaic.arith.index_cast"(%arg31) : (i32) -> index
    %15 = "stable_mosaic.arith.index_cast"(%arg32) : (i32) -> index
    %16 = "stable_mosaic.memref.load"(%arg34, %13, %14, %15) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %17 = "stable_mosaic.arith.extsi"(%16) : (i8) -> i32
    %18 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %19 = "stable_mosaic.arith.cmpi"(%17, %18) {predicate = 4 : i64} : (i32, i32) -> i1
    %20 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %21 = "stable_mosaic.arith.index_cast"(%arg31) : (i32) -> index
    %22 = "stable_mosaic.arith.index_cast"(%arg32) : (i32) -> index
    %23 = "stable_mosaic.memref.load"(%arg33, %20, %21, %22) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %24 = "stable_mosaic.arith.extsi"(%23) : (i8) -> i32
    %25 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %26 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg30, %24, %25) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_2"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg25: i32, %arg26: i32, %arg27: i32, %arg28: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg29: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %11 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %12 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg25, %11, %arg26) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_3"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg20: i32, %arg21: i32, %arg22: i32, %arg23: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg24: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %9 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %10 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg20, %arg21, %9) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_4"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg15: i32, %arg16: i32, %arg17: i32, %arg18: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg19: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %7 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %8 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg15, %7, %arg16) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_5"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg10: i32, %arg11: i32, %arg12: i32, %arg13: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg14: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %5 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %6 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg11, %5) : (i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32), sym_name = "transform_6"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg5: i32, %arg6: i32, %arg7: i32, %arg8: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg9: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %2 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %3 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %4 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%2, %3) : (i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32), sym_name = "transform_7"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg0: i32, %arg1: i32, %arg2: i32, %arg3: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg4: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %0 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %1 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg0, %arg1, %0) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_8"} : () -> ()
}) {stable_mosaic.version = 15 : i64} : () -> ()
