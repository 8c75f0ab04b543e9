// jax.experimental.pallas.ops.tpu.splash_attention, forward: causal, 2 heads of 128, 512 tokens, blocks of 128.
// Printed from JAX 0.10.2 (Apache-2.0) as it lowers that kernel for TPU v5p, by the versioned dialect of its own serialisation pass.
"builtin.module"() ({
  "stable_mosaic.func.func"() ({
  ^bb0(%arg40: i32, %arg41: i32, %arg42: i32, %arg43: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg44: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg45: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg46: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg47: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg48: memref<128x128xi32, #tpu.memory_space<vmem>>, %arg49: memref<128x128xf32, #tpu.memory_space<vmem>>, %arg50: memref<128x128xf32, #tpu.memory_space<vmem>>, %arg51: memref<128x128xf32, #tpu.memory_space<vmem>>, %arg52: memref<1x128x128xbf16, #tpu.memory_space<vmem>>):
    %43 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %44 = "stable_mosaic.arith.cmpi"(%arg42, %43) {predicate = 0 : i64} : (i32, i32) -> i1
    %45 = "stable_mosaic.arith.extui"(%44) : (i1) -> i32
    %46 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %47 = "stable_mosaic.arith.cmpi"(%45, %46) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%47) ({
      %174 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %175 = "stable_mosaic.vector.broadcast"(%174) : (f32) -> vector<128x128xf32>
      %176 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %177 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %178 = "stable_mosaic.vector.load"(%arg51, %176, %177) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%175, %arg51, %176, %177) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %179 = "stable_mosaic.arith.constant"() {value = -2.38197633E+38 : f32} : () -> f32
      %180 = "stable_mosaic.vector.broadcast"(%179) : (f32) -> vector<128x128xf32>
      %181 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %182 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %183 = "stable_mosaic.vector.load"(%arg49, %181, %182) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%180, %arg49, %181, %182) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %184 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %185 = "stable_mosaic.vector.broadcast"(%184) : (f32) -> vector<128x128xf32>
      %186 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %187 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %188 = "stable_mosaic.vector.load"(%arg50, %186, %187) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%185, %arg50, %186, %187) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    %48 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %49 = "stable_mosaic.arith.index_cast"(%arg41) : (i32) -> index
    %50 = "stable_mosaic.arith.index_cast"(%arg42) : (i32) -> index
    %51 = "stable_mosaic.memref.load"(%arg44, %48, %49, %50) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %52 = "stable_mosaic.arith.extsi"(%51) : (i8) -> i32
    %53 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %54 = "stable_mosaic.arith.cmpi"(%52, %53) {predicate = 4 : i64} : (i32, i32) -> i1
    %55 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %56 = "stable_mosaic.arith.index_cast"(%arg41) : (i32) -> index
    %57 = "stable_mosaic.arith.index_cast"(%arg42) : (i32) -> index
    %58 = "stable_mosaic.memref.load"(%arg43, %55, %56, %57) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %59 = "stable_mosaic.arith.extsi"(%58) : (i8) -> i32
    %60 = "stable_mosaic.arith.extui"(%54) : (i1) -> i32
    %61 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %62 = "stable_mosaic.arith.cmpi"(%60, %61) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%62) ({
      %100 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %101 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %102 = "stable_mosaic.arith.muli"(%100, %101) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %103 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %104 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %105 = "stable_mosaic.vector.load"(%arg49, %103, %104) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %106 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %107 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %108 = "stable_mosaic.vector.load"(%arg50, %106, %107) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %109 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %110 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %111 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %112 = "stable_mosaic.vector.load"(%arg45, %109, %110, %111) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %113 = "stable_mosaic.vector.shape_cast"(%112) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %114 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %115 = "stable_mosaic.arith.index_cast"(%102) : (i32) -> index
      %116 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %117 = "stable_mosaic.vector.load"(%arg46, %114, %115, %116) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %118 = "stable_mosaic.vector.shape_cast"(%117) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %119 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %120 = "stable_mosaic.tpu.matmul"(%113, %118, %119) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %121 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %122 = "stable_mosaic.arith.muli"(%59, %121) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %123 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %124 = "stable_mosaic.arith.muli"(%100, %123) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %125 = "stable_mosaic.arith.addi"(%122, %124) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %126 = "stable_mosaic.tpu.iota"() {dimensions = array<i32: 1>} : () -> vector<128x128xi32>
      %127 = "stable_mosaic.vector.broadcast"(%125) : (i32) -> vector<128x128xi32>
      %128 = "stable_mosaic.arith.addi"(%127, %126) {overflowFlags = #arith.overflow<none>} : (vector<128x128xi32>, vector<128x128xi32>) -> vector<128x128xi32>
      %129 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %130 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %131 = "stable_mosaic.vector.load"(%arg48, %129, %130) : (memref<128x128xi32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xi32>
      %132 = "stable_mosaic.arith.cmpi"(%131, %128) {predicate = 5 : i64} : (vector<128x128xi32>, vector<128x128xi32>) -> vector<128x128xi1>
      %133 = "stable_mosaic.arith.constant"() {value = -2.38197633E+38 : f32} : () -> f32
      %134 = "stable_mosaic.vector.broadcast"(%133) : (f32) -> vector<128x128xf32>
      %135 = "stable_mosaic.arith.select"(%132, %120, %134) : (vector<128x128xi1>, vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %136 = "stable_mosaic.arith.constant"() {value = dense<0xFF800000> : vector<128xf32>} : () -> vector<128xf32>
      %137 = "stable_mosaic.vector.multi_reduction"(%135, %136) {kind = #vector.kind<maximumf>, reduction_dims = array<i64: 1>} : (vector<128x128xf32>, vector<128xf32>) -> vector<128xf32>
      %138 = "stable_mosaic.vector.shape_cast"(%137) : (vector<128xf32>) -> vector<128x1xf32>
      %139 = "stable_mosaic.vector.broadcast"(%138) : (vector<128x1xf32>) -> vector<128x128xf32>
      %140 = "stable_mosaic.arith.maximumf"(%105, %139) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %141 = "stable_mosaic.arith.subf"(%135, %140) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %142 = "stable_mosaic.math.exp"(%141) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>) -> vector<128x128xf32>
      %143 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128xf32>} : () -> vector<128xf32>
      %144 = "stable_mosaic.vector.multi_reduction"(%142, %143) {kind = #vector.kind<add>, reduction_dims = array<i64: 1>} : (vector<128x128xf32>, vector<128xf32>) -> vector<128xf32>
      %145 = "stable_mosaic.vector.shape_cast"(%144) : (vector<128xf32>) -> vector<128x1xf32>
      %146 = "stable_mosaic.vector.broadcast"(%145) : (vector<128x1xf32>) -> vector<128x128xf32>
      %147 = "stable_mosaic.arith.subf"(%105, %140) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %148 = "stable_mosaic.math.exp"(%147) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>) -> vector<128x128xf32>
      %149 = "stable_mosaic.arith.mulf"(%148, %108) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %150 = "stable_mosaic.arith.addf"(%146, %149) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %151 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %152 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %153 = "stable_mosaic.vector.load"(%arg49, %151, %152) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%140, %arg49, %151, %152) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %154 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %155 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %156 = "stable_mosaic.vector.load"(%arg50, %154, %155) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%150, %arg50, %154, %155) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %157 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %158 = "stable_mosaic.arith.index_cast"(%102) : (i32) -> index
      %159 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %160 = "stable_mosaic.vector.load"(%arg47, %157, %158, %159) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %161 = "stable_mosaic.vector.shape_cast"(%160) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %162 = "stable_mosaic.arith.extf"(%161) : (vector<128x128xbf16>) -> vector<128x128xf32>
      %163 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %164 = "stable_mosaic.tpu.matmul"(%142, %162, %163) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xf32>, vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %165 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %166 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %167 = "stable_mosaic.vector.load"(%arg51, %165, %166) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %168 = "stable_mosaic.arith.mulf"(%148, %167) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %169 = "stable_mosaic.arith.addf"(%168, %164) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %170 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %171 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %172 = "stable_mosaic.vector.load"(%arg51, %170, %171) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%169, %arg51, %170, %171) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %173 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    %63 = "stable_mosaic.arith.constant"() {value = 3 : i32} : () -> i32
    %64 = "stable_mosaic.arith.cmpi"(%arg42, %63) {predicate = 0 : i64} : (i32, i32) -> i1
    %65 = "stable_mosaic.arith.extui"(%64) : (i1) -> i32
    %66 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %67 = "stable_mosaic.arith.cmpi"(%65, %66) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%67) ({
      %68 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %69 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %70 = "stable_mosaic.vector.load"(%arg50, %68, %69) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %71 = "stable_mosaic.arith.constant"() {value = 1.000000e+00 : f32} : () -> f32
      %72 = "stable_mosaic.vector.broadcast"(%71) : (f32) -> vector<128x128xf32>
      %73 = "stable_mosaic.arith.divf"(%72, %70) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %74 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %75 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %76 = "stable_mosaic.vector.load"(%arg51, %74, %75) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %77 = "stable_mosaic.arith.mulf"(%76, %73) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %78 = "stable_mosaic.arith.truncf"(%77) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %79 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %80 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %81 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %82 = "stable_mosaic.vector.load"(%arg52, %79, %80, %81) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %83 = "stable_mosaic.vector.shape_cast"(%82) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %84 = "stable_mosaic.vector.shape_cast"(%78) : (vector<128x128xbf16>) -> vector<1x128x128xbf16>
      "stable_mosaic.tpu.vector_store"(%84, %arg52, %79, %80, %81) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xbf16>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> ()
      %85 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %86 = "stable_mosaic.vector.broadcast"(%85) : (f32) -> vector<128x128xf32>
      %87 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %88 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %89 = "stable_mosaic.vector.load"(%arg49, %87, %88) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%86, %arg49, %87, %88) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %90 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %91 = "stable_mosaic.vector.broadcast"(%90) : (f32) -> vector<128x128xf32>
      %92 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %93 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %94 = "stable_mosaic.vector.load"(%arg50, %92, %93) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%91, %arg50, %92, %93) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %95 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %96 = "stable_mosaic.vector.broadcast"(%95) : (f32) -> vector<128x128xf32>
      %97 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %98 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %99 = "stable_mosaic.vector.load"(%arg51, %97, %98) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%96, %arg51, %97, %98) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    "stable_mosaic.func.return"() : () -> ()
  }) {dimension_semantics = [#tpu.dimension_semantics<parallel>, #tpu.dimension_semantics<arbitrary>, #tpu.dimension_semantics<arbitrary>], function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<128x128xi32, #tpu.memory_space<vmem>>, memref<128x128xf32, #tpu.memory_space<vmem>>, memref<128x128xf32, #tpu.memory_space<vmem>>, memref<128x128xf32, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> (), iteration_bounds = array<i64: 2, 4, 4>, scalar_prefetch = 2 : i64, scratch_operands = 0 : i64, sym_name = "splash_mha_fwd_no_residuals", tpu.core_type = #tpu.core_type<tc>, window_params = [{transform_indices = @transform_0, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_1, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_2, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_3, window_bounds = array<i64: 128, 128>}, {pipeline_mode = #tpu.pipeline_mode<synchronous>, transform_indices = @transform_4, window_bounds = array<i64: 128, 128>}, {pipeline_mode = #tpu.pipeline_mode<synchronous>, transform_indices = @transform_5, window_bounds = array<i64: 128, 128>}, {pipeline_mode = #tpu.pipeline_mode<synchronous>, transform_indices = @transform_6, window_bounds = array<i64: 128, 128>}, {transform_indices = @transform_7, window_bounds = array<i64: 1, 128, 128>}]} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg35: i32, %arg36: i32, %arg37: i32, %arg38: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg39: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %41 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %42 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg35, %arg36, %41) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_0"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg30: i32, %arg31: i32, %arg32: i32, %arg33: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg34: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %27 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %28 = "stable_mosaic.arith.index_cast"(%arg31) : (i32) -> index
    %29 = "stable_mosaic.arith.index_cast"(%arg32) : (i32) -> index
    %30 = "stable_mosaic.memref.load"(%arg34, %27, %28, %29) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %31 = "stable_mosaic.arith.extsi"(%30) : (i8) -> i32
    %32 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %33 = "stable_mosaic.arith.cmpi"(%31, %32) {predicate = 4 : i64} : (i32, i32) -> i1
    %34 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %35 = "stable_mosaic.arith.index_cast"(%arg31) : (i32) -> index
    %36 = "stable_mosaic.arith.index_cast"(%arg32) : (i32) -> index
    %37 = "stable_mosaic.memref.load"(%arg33, %34, %35, %36) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %38 = "stable_mosaic.arith.extsi"(%37) : (i8) -> i32
    %39 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %40 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg30, %38, %39) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_1"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg25: i32, %arg26: i32, %arg27: i32, %arg28: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg29: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %13 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %14 = "stable_mosaic.arith.index_cast"(%arg26) : (i32) -> index
    %15 = "stable_mosaic.arith.index_cast"(%arg27) : (i32) -> index
    %16 = "stable_mosaic.memref.load"(%arg29, %13, %14, %15) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %17 = "stable_mosaic.arith.extsi"(%16) : (i8) -> i32
    %18 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %19 = "stable_mosaic.arith.cmpi"(%17, %18) {predicate = 4 : i64} : (i32, i32) -> i1
    %20 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %21 = "stable_mosaic.arith.index_cast"(%arg26) : (i32) -> index
    %22 = "stable_mosaic.arith.index_cast"(%arg27) : (i32) -> index
    %23 = "stable_mosaic.memref.load"(%arg28, %20, %21, %22) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %24 = "stable_mosaic.arith.extsi"(%23) : (i8) -> i32
    %25 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %26 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg25, %24, %25) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_2"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg20: i32, %arg21: i32, %arg22: i32, %arg23: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg24: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %11 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %12 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg21, %11) : (i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32), sym_name = "transform_3"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg15: i32, %arg16: i32, %arg17: i32, %arg18: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg19: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %8 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %9 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %10 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%8, %9) : (i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32), sym_name = "transform_4"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg10: i32, %arg11: i32, %arg12: i32, %arg13: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg14: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %5 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %6 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %7 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%5, %6) : (i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32), sym_name = "transform_5"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg5: i32, %arg6: i32, %arg7: i32, %arg8: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg9: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %2 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %3 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %4 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%2, %3) : (i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32), sym_name = "transform_6"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg0: i32, %arg1: i32, %arg2: i32, %arg3: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg4: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %0 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %1 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg0, %arg1, %0) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_7"} : () -> ()
}) {stable_mosaic.version = 15 : i64} : () -> ()
