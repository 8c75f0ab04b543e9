// jax.experimental.pallas.ops.tpu.splash_attention, dk and dv: causal, 2 heads of 128, 512 tokens, blocks of 128.
// Printed from JAX 0.10.2 (Apache-2.0) as it lowers that kernel for TPU v5p, by the versioned dialect of its own serialisation pass.
"builtin.module"() ({
  "stable_mosaic.func.func"() ({
  ^bb0(%arg55: i32, %arg56: i32, %arg57: i32, %arg58: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg59: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg60: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg61: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg62: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg63: memref<1x8x128xf32, #tpu.memory_space<vmem>>, %arg64: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg65: memref<1x8x128xf32, #tpu.memory_space<vmem>>, %arg66: memref<8x128xi32, #tpu.memory_space<vmem>>, %arg67: memref<128x128xf32, #tpu.memory_space<vmem>>, %arg68: memref<128x128xf32, #tpu.memory_space<vmem>>, %arg69: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg70: memref<1x128x128xbf16, #tpu.memory_space<vmem>>):
    %84 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %85 = "stable_mosaic.arith.cmpi"(%arg57, %84) {predicate = 0 : i64} : (i32, i32) -> i1
    %86 = "stable_mosaic.arith.extui"(%85) : (i1) -> i32
    %87 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %88 = "stable_mosaic.arith.cmpi"(%86, %87) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%88) ({
      %215 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %216 = "stable_mosaic.vector.broadcast"(%215) : (f32) -> vector<128x128xf32>
      %217 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %218 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %219 = "stable_mosaic.vector.load"(%arg67, %217, %218) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%216, %arg67, %217, %218) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %220 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %221 = "stable_mosaic.vector.broadcast"(%220) : (f32) -> vector<128x128xf32>
      %222 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %223 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %224 = "stable_mosaic.vector.load"(%arg68, %222, %223) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%221, %arg68, %222, %223) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    %89 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %90 = "stable_mosaic.arith.index_cast"(%arg57) : (i32) -> index
    %91 = "stable_mosaic.arith.index_cast"(%arg55) : (i32) -> index
    %92 = "stable_mosaic.memref.load"(%arg59, %89, %90, %91) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %93 = "stable_mosaic.arith.extsi"(%92) : (i8) -> i32
    %94 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %95 = "stable_mosaic.arith.cmpi"(%93, %94) {predicate = 4 : i64} : (i32, i32) -> i1
    %96 = "stable_mosaic.arith.extui"(%95) : (i1) -> i32
    %97 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %98 = "stable_mosaic.arith.cmpi"(%96, %97) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%98) ({
      %134 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %135 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %136 = "stable_mosaic.arith.muli"(%134, %135) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %137 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %138 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %139 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %140 = "stable_mosaic.vector.load"(%arg60, %137, %138, %139) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %141 = "stable_mosaic.vector.shape_cast"(%140) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %142 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %143 = "stable_mosaic.arith.index_cast"(%136) : (i32) -> index
      %144 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %145 = "stable_mosaic.vector.load"(%arg61, %142, %143, %144) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %146 = "stable_mosaic.vector.shape_cast"(%145) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %147 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %148 = "stable_mosaic.arith.index_cast"(%136) : (i32) -> index
      %149 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %150 = "stable_mosaic.vector.load"(%arg62, %147, %148, %149) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %151 = "stable_mosaic.vector.shape_cast"(%150) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %152 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %153 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %154 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %155 = "stable_mosaic.vector.load"(%arg63, %152, %153, %154) : (memref<1x8x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
      %156 = "stable_mosaic.vector.shape_cast"(%155) : (vector<1x1x128xf32>) -> vector<1x128xf32>
      %157 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %158 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %159 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %160 = "stable_mosaic.vector.load"(%arg64, %157, %158, %159) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %161 = "stable_mosaic.vector.shape_cast"(%160) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %162 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %163 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %164 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %165 = "stable_mosaic.vector.load"(%arg65, %162, %163, %164) : (memref<1x8x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
      %166 = "stable_mosaic.vector.shape_cast"(%165) : (vector<1x1x128xf32>) -> vector<1x128xf32>
      %167 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %168 = "stable_mosaic.tpu.matmul"(%146, %141, %167) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %169 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %170 = "stable_mosaic.arith.muli"(%arg55, %169) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %171 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %172 = "stable_mosaic.arith.muli"(%134, %171) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %173 = "stable_mosaic.arith.addi"(%170, %172) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %174 = "stable_mosaic.tpu.iota"() {dimensions = array<i32: 0>} : () -> vector<128x128xi32>
      %175 = "stable_mosaic.vector.broadcast"(%173) : (i32) -> vector<128x128xi32>
      %176 = "stable_mosaic.arith.addi"(%175, %174) {overflowFlags = #arith.overflow<none>} : (vector<128x128xi32>, vector<128x128xi32>) -> vector<128x128xi32>
      %177 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %178 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %179 = "stable_mosaic.vector.load"(%arg66, %177, %178) : (memref<8x128xi32, #tpu.memory_space<vmem>>, index, index) -> vector<1x128xi32>
      %180 = "stable_mosaic.vector.shape_cast"(%179) : (vector<1x128xi32>) -> vector<1x128xi32>
      %181 = "stable_mosaic.vector.broadcast"(%180) : (vector<1x128xi32>) -> vector<128x128xi32>
      %182 = "stable_mosaic.arith.cmpi"(%181, %176) {predicate = 5 : i64} : (vector<128x128xi32>, vector<128x128xi32>) -> vector<128x128xi1>
      %183 = "stable_mosaic.arith.constant"() {value = -2.38197633E+38 : f32} : () -> f32
      %184 = "stable_mosaic.vector.broadcast"(%183) : (f32) -> vector<128x128xf32>
      %185 = "stable_mosaic.arith.select"(%182, %168, %184) : (vector<128x128xi1>, vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %186 = "stable_mosaic.vector.broadcast"(%156) : (vector<1x128xf32>) -> vector<128x128xf32>
      %187 = "stable_mosaic.arith.subf"(%185, %186) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %188 = "stable_mosaic.math.exp"(%187) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>) -> vector<128x128xf32>
      %189 = "stable_mosaic.arith.truncf"(%188) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %190 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %191 = "stable_mosaic.tpu.matmul"(%189, %161, %190) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %192 = "stable_mosaic.arith.index_cast"(%136) : (i32) -> index
      %193 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %194 = "stable_mosaic.vector.load"(%arg68, %192, %193) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %195 = "stable_mosaic.arith.addf"(%191, %194) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %196 = "stable_mosaic.arith.index_cast"(%136) : (i32) -> index
      %197 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %198 = "stable_mosaic.vector.load"(%arg68, %196, %197) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%195, %arg68, %196, %197) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %199 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %200 = "stable_mosaic.tpu.matmul"(%151, %161, %199) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %201 = "stable_mosaic.vector.broadcast"(%166) : (vector<1x128xf32>) -> vector<128x128xf32>
      %202 = "stable_mosaic.arith.subf"(%200, %201) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %203 = "stable_mosaic.arith.mulf"(%202, %188) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %204 = "stable_mosaic.arith.truncf"(%203) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %205 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %206 = "stable_mosaic.tpu.matmul"(%204, %141, %205) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %207 = "stable_mosaic.arith.index_cast"(%136) : (i32) -> index
      %208 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %209 = "stable_mosaic.vector.load"(%arg67, %207, %208) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %210 = "stable_mosaic.arith.addf"(%206, %209) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %211 = "stable_mosaic.arith.index_cast"(%136) : (i32) -> index
      %212 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %213 = "stable_mosaic.vector.load"(%arg67, %211, %212) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%210, %arg67, %211, %212) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %214 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    %99 = "stable_mosaic.arith.constant"() {value = 3 : i32} : () -> i32
    %100 = "stable_mosaic.arith.cmpi"(%arg57, %99) {predicate = 0 : i64} : (i32, i32) -> i1
    %101 = "stable_mosaic.arith.extui"(%100) : (i1) -> i32
    %102 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %103 = "stable_mosaic.arith.cmpi"(%101, %102) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%103) ({
      %104 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %105 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %106 = "stable_mosaic.vector.load"(%arg67, %104, %105) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %107 = "stable_mosaic.arith.truncf"(%106) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %108 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %109 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %110 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %111 = "stable_mosaic.vector.load"(%arg69, %108, %109, %110) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %112 = "stable_mosaic.vector.shape_cast"(%111) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %113 = "stable_mosaic.vector.shape_cast"(%107) : (vector<128x128xbf16>) -> vector<1x128x128xbf16>
      "stable_mosaic.tpu.vector_store"(%113, %arg69, %108, %109, %110) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xbf16>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> ()
      %114 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %115 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %116 = "stable_mosaic.vector.load"(%arg68, %114, %115) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %117 = "stable_mosaic.arith.truncf"(%116) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %118 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %119 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %120 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %121 = "stable_mosaic.vector.load"(%arg70, %118, %119, %120) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %122 = "stable_mosaic.vector.shape_cast"(%121) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %123 = "stable_mosaic.vector.shape_cast"(%117) : (vector<128x128xbf16>) -> vector<1x128x128xbf16>
      "stable_mosaic.tpu.vector_store"(%123, %arg70, %118, %119, %120) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xbf16>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> ()
      %124 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %125 = "stable_mosaic.vector.broadcast"(%124) : (f32) -> vector<128x128xf32>
      %126 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %127 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %128 = "stable_mosaic.vector.load"(%arg67, %126, %127) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%125, %arg67, %126, %127) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %129 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %130 = "stable_mosaic.vector.broadcast"(%129) : (f32) -> vector<128x128xf32>
      %131 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %132 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %133 = "stable_mosaic.vector.load"(%arg68, %131, %132) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%130, %arg68, %131, %132) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    "stable_mosaic.func.return"() : () -> ()
  }) {dimension_semantics = [#tpu.dimension_semantics<arbitrary>, #tpu.dimension_semantics<arbitrary>, #tpu.dimension_semantics<arbitrary>], function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x8x128xf32, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x8x128xf32, #tpu.memory_space<vmem>>, memref<8x128xi32, #tpu.memory_space<vmem>>, memref<128x128xf32, #tpu.memory_space<vmem>>, memref<128x128xf32, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> (), iteration_bounds = array<i64: 4, 2, 4>, scalar_prefetch = 2 : i64, scratch_operands = 0 : i64, sym_name = "splash_mha_dkv_no_residuals", tpu.core_type = #tpu.core_type<tc>, window_params = [{transform_indices = @transform_0, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_1, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_2, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_3, window_bounds = array<i64: 1, 8, 128>}, {transform_indices = @transform_4, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_5, window_bounds = array<i64: 1, 8, 128>}, {transform_indices = @transform_6, window_bounds = array<i64: 8, 128>}, {pipeline_mode = #tpu.pipeline_mode<synchronous>, transform_indices = @transform_7, window_bounds = array<i64: 128, 128>}, {pipeline_mode = #tpu.pipeline_mode<synchronous>, transform_indices = @transform_8, window_bounds = array<i64: 128, 128>}, {transform_indices = @transform_9, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_10, window_bounds = array<i64: 1, 128, 128>}]} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg50: i32, %arg51: i32, %arg52: i32, %arg53: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg54: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %70 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %71 = "stable_mosaic.arith.index_cast"(%arg52) : (i32) -> index
    %72 = "stable_mosaic.arith.index_cast"(%arg50) : (i32) -> index
    %73 = "stable_mosaic.memref.load"(%arg54, %70, %71, %72) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %74 = "stable_mosaic.arith.extsi"(%73) : (i8) -> i32
    %75 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %76 = "stable_mosaic.arith.cmpi"(%74, %75) {predicate = 4 : i64} : (i32, i32) -> i1
    %77 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %78 = "stable_mosaic.arith.index_cast"(%arg52) : (i32) -> index
    %79 = "stable_mosaic.arith.index_cast"(%arg50) : (i32) -> index
    %80 = "stable_mosaic.memref.load"(%arg53, %77, %78, %79) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %81 = "stable_mosaic.arith.extsi"(%80) : (i8) -> i32
    %82 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %83 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg51, %81, %82) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_0"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg45: i32, %arg46: i32, %arg47: i32, %arg48: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg49: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %68 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %69 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg46, %arg45, %68) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_1"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg40: i32, %arg41: i32, %arg42: i32, %arg43: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg44: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %66 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %67 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg41, %arg40, %66) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_2"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg35: i32, %arg36: i32, %arg37: i32, %arg38: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg39: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %52 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %53 = "stable_mosaic.arith.index_cast"(%arg37) : (i32) -> index
    %54 = "stable_mosaic.arith.index_cast"(%arg35) : (i32) -> index
    %55 = "stable_mosaic.memref.load"(%arg39, %52, %53, %54) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %56 = "stable_mosaic.arith.extsi"(%55) : (i8) -> i32
    %57 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %58 = "stable_mosaic.arith.cmpi"(%56, %57) {predicate = 4 : i64} : (i32, i32) -> i1
    %59 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %60 = "stable_mosaic.arith.index_cast"(%arg37) : (i32) -> index
    %61 = "stable_mosaic.arith.index_cast"(%arg35) : (i32) -> index
    %62 = "stable_mosaic.memref.load"(%arg38, %59, %60, %61) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %63 = "stable_mosaic.arith.extsi"(%62) : (i8) -> i32
    %64 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %65 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg36, %64, %63) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_3"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg30: i32, %arg31: i32, %arg32: i32, %arg33: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg34: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %38 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %39 = "stable_mosaic.arith.index_cast"(%arg32) : (i32) -> index
    %40 = "stable_mosaic.arith.index_cast"(%arg30) : (i32) -> index
    %41 = "stable_mosaic.memref.load"(%arg34, %38, %39, %40) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %42 = "stable_mosaic.arith.extsi"(%41) : (i8) -> i32
    %43 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %44 = "stable_mosaic.arith.cmpi"(%42, %43) {predicate = 4 : i64} : (i32, i32) -> i1
    %45 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %46 = "stable_mosaic.arith.index_cast"(%arg32) : (i32) -> index
    %47 = "stable_mosaic.arith.index_cast"(%arg30) : (i32) -> index
    %48 = "stable_mosaic.memref.load"(%arg33, %45, %46, %47) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %49 = "stable_mosaic.arith.extsi"(%48) : (i8) -> i32
    %50 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %51 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg31, %49, %50) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_4"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg25: i32, %arg26: i32, %arg27: i32, %arg28: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg29: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %24 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %25 = "stable_mosaic.arith.index_cast"(%arg27) : (i32) -> index
    %26 = "stable_mosaic.arith.index_cast"(%arg25) : (i32) -> index
    %27 = "stable_mosaic.memref.load"(%arg29, %24, %25, %26) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %28 = "stable_mosaic.arith.extsi"(%27) : (i8) -> i32
    %29 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %30 = "stable_mosaic.arith.cmpi"(%28, %29) {predicate = 4 : i64} : (i32, i32) -> i1
    %31 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %32 = "stable_mosaic.arith.index_cast"(%arg27) : (i32) -> index
    %33 = "stable_mosaic.arith.index_cast"(%arg25) : (i32) -> index
    %34 = "stable_mosaic.memref.load"(%arg28, %31, %32, %33) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %35 = "stable_mosaic.arith.extsi"(%34) : (i8) -> i32
    %36 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %37 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg26, %36, %35) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_5"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg20: i32, %arg21: i32, %arg22: i32, %arg23: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg24: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %10 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %11 = "stable_mosaic.arith.index_cast"(%arg22) : (i32) -> index
    %12 = "stable_mosaic.arith.index_cast"(%arg20) : (i32) -> index
    %13 = "stable_mosaic.memref.load"(%arg24, %10, %11, %12) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %14 = "stable_mosaic.arith.extsi"(%13) : (i8) -> i32
    %15 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %16 = "stable_mosaic.arith.cmpi"(%14, %15) {predicate = 4 : i64} : (i32, i32) -> i1
    %17 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %18 = "stable_mosaic.arith.index_cast"(%arg22) : (i32) -> index
    %19 = "stable_mosaic.arith.index_cast"(%arg20) : (i32) -> index
    %20 = "stable_mosaic.memref.load"(%arg23, %17, %18, %19) : (memref<1x4x4xi8, #tpu.memory_space<smem>>, index, index, index) -> i8
    %21 = "stable_mosaic.arith.extsi"(%20) : (i8) -> i32
    %22 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %23 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%22, %21) : (i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32), sym_name = "transform_6"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg15: i32, %arg16: i32, %arg17: i32, %arg18: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg19: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %7 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %8 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %9 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%7, %8) : (i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32), sym_name = "transform_7"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg10: i32, %arg11: i32, %arg12: i32, %arg13: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg14: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %4 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %5 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %6 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%4, %5) : (i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32), sym_name = "transform_8"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg5: i32, %arg6: i32, %arg7: i32, %arg8: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg9: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %2 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %3 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg6, %arg5, %2) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_9"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg0: i32, %arg1: i32, %arg2: i32, %arg3: memref<1x4x4xi8, #tpu.memory_space<smem>>, %arg4: memref<1x4x4xi8, #tpu.memory_space<smem>>):
    %0 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %1 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%arg1, %arg0, %0) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, memref<1x4x4xi8, #tpu.memory_space<smem>>, memref<1x4x4xi8, #tpu.memory_space<smem>>) -> (i32, i32, i32), sym_name = "transform_10"} : () -> ()
}) {stable_mosaic.version = 15 : i64} : () -> ()
