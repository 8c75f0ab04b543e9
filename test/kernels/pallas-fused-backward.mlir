// A Pallas prototype of a fused backward: causal, 2 heads of 128, 512 tokens, blocks of 128, dq in vector memory, copies started a step ahead.
// Printed from JAX 0.10.2 (Apache-2.0) as it lowers that kernel for TPU v5p, by the versioned dialect of its own serialisation pass.
"builtin.module"() ({
  "stable_mosaic.func.func"() ({
  ^bb0(%arg20: i32, %arg21: i32, %arg22: i32, %arg23: i32, %arg24: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg25: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg26: memref<2x512x128xbf16, #tpu.memory_space<any>>, %arg27: memref<2x512x128xbf16, #tpu.memory_space<any>>, %arg28: memref<2x4x2x128xf32, #tpu.memory_space<any>>, %arg29: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg30: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg31: memref<1x128x128xbf16, #tpu.memory_space<vmem>>, %arg32: memref<2x128x128xbf16, #tpu.memory_space<vmem>>, %arg33: memref<2x128x128xbf16, #tpu.memory_space<vmem>>, %arg34: memref<2x2x128xf32, #tpu.memory_space<vmem>>, %arg35: memref<128x128xf32, #tpu.memory_space<vmem>>, %arg36: memref<128x128xf32, #tpu.memory_space<vmem>>, %arg37: memref<4x128x128xf32, #tpu.memory_space<vmem>>, %arg38: memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, %arg39: memref<2x3x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, %arg40: memref<7xi32, #tpu.memory_space<smem>>):
    %28 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %29 = "stable_mosaic.arith.muli"(%arg20, %28) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %30 = "stable_mosaic.arith.addi"(%29, %arg21) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %31 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %32 = "stable_mosaic.arith.muli"(%30, %31) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %33 = "stable_mosaic.arith.addi"(%32, %arg23) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %34 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %35 = "stable_mosaic.arith.cmpi"(%arg23, %34) {predicate = 0 : i64} : (i32, i32) -> i1
    %36 = "stable_mosaic.arith.constant"() {value = 3 : i32} : () -> i32
    %37 = "stable_mosaic.arith.cmpi"(%arg22, %36) {predicate = 0 : i64} : (i32, i32) -> i1
    %38 = "stable_mosaic.arith.andi"(%35, %37) : (i1, i1) -> i1
    %39 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %40 = "stable_mosaic.arith.cmpi"(%arg21, %39) {predicate = 0 : i64} : (i32, i32) -> i1
    %41 = "stable_mosaic.arith.andi"(%38, %40) : (i1, i1) -> i1
    %42 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %43 = "stable_mosaic.arith.addi"(%arg23, %42) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %44 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %45 = "stable_mosaic.arith.select"(%35, %44, %43) : (i1, i32, i32) -> i32
    %46 = "stable_mosaic.arith.constant"() {value = 3 : i32} : () -> i32
    %47 = "stable_mosaic.arith.cmpi"(%arg22, %46) {predicate = 0 : i64} : (i32, i32) -> i1
    %48 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %49 = "stable_mosaic.arith.addi"(%arg22, %48) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %50 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %51 = "stable_mosaic.arith.select"(%47, %50, %49) : (i1, i32, i32) -> i32
    %52 = "stable_mosaic.arith.select"(%35, %51, %arg22) : (i1, i32, i32) -> i32
    %53 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %54 = "stable_mosaic.arith.muli"(%arg20, %53) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %55 = "stable_mosaic.arith.addi"(%54, %arg21) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %56 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %57 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %58 = "stable_mosaic.arith.select"(%38, %56, %57) : (i1, i32, i32) -> i32
    %59 = "stable_mosaic.arith.addi"(%55, %58) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %60 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %61 = "stable_mosaic.arith.muli"(%59, %60) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %62 = "stable_mosaic.arith.addi"(%61, %45) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %63 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %64 = "stable_mosaic.arith.cmpi"(%arg21, %63) {predicate = 0 : i64} : (i32, i32) -> i1
    %65 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %66 = "stable_mosaic.arith.cmpi"(%arg22, %65) {predicate = 0 : i64} : (i32, i32) -> i1
    %67 = "stable_mosaic.arith.andi"(%64, %66) : (i1, i1) -> i1
    %68 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %69 = "stable_mosaic.arith.cmpi"(%arg23, %68) {predicate = 0 : i64} : (i32, i32) -> i1
    %70 = "stable_mosaic.arith.andi"(%67, %69) : (i1, i1) -> i1
    %71 = "stable_mosaic.arith.extui"(%70) : (i1) -> i32
    %72 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %73 = "stable_mosaic.arith.cmpi"(%71, %72) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%73) ({
      %692 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %693 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %694 = "stable_mosaic.memref.load"(%arg40, %693) : (memref<7xi32, #tpu.memory_space<smem>>, index) -> i32
      "stable_mosaic.memref.store"(%692, %arg40, %693) : (i32, memref<7xi32, #tpu.memory_space<smem>>, index) -> ()
      %695 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %696 = "stable_mosaic.arith.constant"() {value = 1 : index} : () -> index
      %697 = "stable_mosaic.memref.load"(%arg40, %696) : (memref<7xi32, #tpu.memory_space<smem>>, index) -> i32
      "stable_mosaic.memref.store"(%695, %arg40, %696) : (i32, memref<7xi32, #tpu.memory_space<smem>>, index) -> ()
      %698 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %699 = "stable_mosaic.arith.constant"() {value = 2 : index} : () -> index
      %700 = "stable_mosaic.memref.load"(%arg40, %699) : (memref<7xi32, #tpu.memory_space<smem>>, index) -> i32
      "stable_mosaic.memref.store"(%698, %arg40, %699) : (i32, memref<7xi32, #tpu.memory_space<smem>>, index) -> ()
      %701 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %702 = "stable_mosaic.arith.constant"() {value = 3 : index} : () -> index
      %703 = "stable_mosaic.memref.load"(%arg40, %702) : (memref<7xi32, #tpu.memory_space<smem>>, index) -> i32
      "stable_mosaic.memref.store"(%701, %arg40, %702) : (i32, memref<7xi32, #tpu.memory_space<smem>>, index) -> ()
      %704 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %705 = "stable_mosaic.arith.constant"() {value = 4 : index} : () -> index
      %706 = "stable_mosaic.memref.load"(%arg40, %705) : (memref<7xi32, #tpu.memory_space<smem>>, index) -> i32
      "stable_mosaic.memref.store"(%704, %arg40, %705) : (i32, memref<7xi32, #tpu.memory_space<smem>>, index) -> ()
      %707 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %708 = "stable_mosaic.arith.constant"() {value = 5 : index} : () -> index
      %709 = "stable_mosaic.memref.load"(%arg40, %708) : (memref<7xi32, #tpu.memory_space<smem>>, index) -> i32
      "stable_mosaic.memref.store"(%707, %arg40, %708) : (i32, memref<7xi32, #tpu.memory_space<smem>>, index) -> ()
      %710 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %711 = "stable_mosaic.arith.constant"() {value = 6 : index} : () -> index
      %712 = "stable_mosaic.memref.load"(%arg40, %711) : (memref<7xi32, #tpu.memory_space<smem>>, index) -> i32
      "stable_mosaic.memref.store"(%710, %arg40, %711) : (i32, memref<7xi32, #tpu.memory_space<smem>>, index) -> ()
      %713 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %714 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %715 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %716 = "stable_mosaic.tpu.memref_slice"(%arg38, %714, %715) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %717 = "stable_mosaic.tpu.memref_squeeze"(%716) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %718 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %719 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %720 = "stable_mosaic.tpu.memref_slice"(%arg32, %713, %718, %719) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
      %721 = "stable_mosaic.tpu.memref_squeeze"(%720) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
      %722 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %723 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %724 = "stable_mosaic.tpu.memref_slice"(%arg26, %33, %722, %723) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
      %725 = "stable_mosaic.tpu.memref_squeeze"(%724) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
      "stable_mosaic.tpu.enqueue_dma"(%725, %721, %717) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
      %726 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %727 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %728 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %729 = "stable_mosaic.tpu.memref_slice"(%arg38, %727, %728) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %730 = "stable_mosaic.tpu.memref_squeeze"(%729) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %731 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %732 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %733 = "stable_mosaic.tpu.memref_slice"(%arg33, %726, %731, %732) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
      %734 = "stable_mosaic.tpu.memref_squeeze"(%733) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
      %735 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %736 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %737 = "stable_mosaic.tpu.memref_slice"(%arg27, %33, %735, %736) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
      %738 = "stable_mosaic.tpu.memref_squeeze"(%737) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
      "stable_mosaic.tpu.enqueue_dma"(%738, %734, %730) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
      %739 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %740 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %741 = "stable_mosaic.arith.constant"() {value = 2 : i32} : () -> i32
      %742 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %743 = "stable_mosaic.tpu.memref_slice"(%arg38, %741, %742) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %744 = "stable_mosaic.tpu.memref_squeeze"(%743) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %745 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %746 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %747 = "stable_mosaic.tpu.memref_slice"(%arg34, %740, %745, %746) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x2x128xf32, #tpu.memory_space<vmem>>
      %748 = "stable_mosaic.tpu.memref_squeeze"(%747) : (memref<1x2x128xf32, #tpu.memory_space<vmem>>) -> memref<2x128xf32, #tpu.memory_space<vmem>>
      %749 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %750 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %751 = "stable_mosaic.tpu.memref_slice"(%arg28, %33, %739, %749, %750) {operandSegmentSizes = array<i32: 1, 4, 0>} : (memref<2x4x2x128xf32, #tpu.memory_space<any>>, i32, i32, i32, i32) -> memref<1x1x2x128xf32, #tpu.memory_space<any>>
      %752 = "stable_mosaic.tpu.memref_squeeze"(%751) : (memref<1x1x2x128xf32, #tpu.memory_space<any>>) -> memref<2x128xf32, #tpu.memory_space<any>>
      "stable_mosaic.tpu.enqueue_dma"(%752, %748, %744) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<2x128xf32, #tpu.memory_space<any>>, memref<2x128xf32, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
      %753 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %754 = "stable_mosaic.arith.constant"() {value = 4 : i32} : () -> i32
      %755 = "stable_mosaic.arith.addi"(%753, %754) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %756 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      "stable_mosaic.scf.for"(%753, %755, %756) ({
      ^bb0(%arg45: i32):
        %758 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
        %759 = "stable_mosaic.vector.broadcast"(%758) : (f32) -> vector<128x128xf32>
        %760 = "stable_mosaic.arith.index_cast"(%arg45) : (i32) -> index
        %761 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
        %762 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
        %763 = "stable_mosaic.vector.load"(%arg37, %760, %761, %762) : (memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xf32>
        %764 = "stable_mosaic.vector.shape_cast"(%763) : (vector<1x128x128xf32>) -> vector<128x128xf32>
        %765 = "stable_mosaic.vector.shape_cast"(%759) : (vector<128x128xf32>) -> vector<1x128x128xf32>
        "stable_mosaic.tpu.vector_store"(%765, %arg37, %760, %761, %762) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xf32>, memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> ()
        "stable_mosaic.scf.yield"() : () -> ()
      }) : (i32, i32, i32) -> ()
      %757 = "stable_mosaic.arith.constant"() {value = 4 : i32} : () -> i32
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    %74 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %75 = "stable_mosaic.arith.cmpi"(%arg23, %74) {predicate = 0 : i64} : (i32, i32) -> i1
    %76 = "stable_mosaic.arith.extui"(%75) : (i1) -> i32
    %77 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %78 = "stable_mosaic.arith.cmpi"(%76, %77) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%78) ({
      %682 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %683 = "stable_mosaic.vector.broadcast"(%682) : (f32) -> vector<128x128xf32>
      %684 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %685 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %686 = "stable_mosaic.vector.load"(%arg35, %684, %685) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%683, %arg35, %684, %685) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %687 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
      %688 = "stable_mosaic.vector.broadcast"(%687) : (f32) -> vector<128x128xf32>
      %689 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %690 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %691 = "stable_mosaic.vector.load"(%arg36, %689, %690) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%688, %arg36, %689, %690) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    %79 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %80 = "stable_mosaic.memref.load"(%arg40, %79) : (memref<7xi32, #tpu.memory_space<smem>>, index) -> i32
    %81 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %82 = "stable_mosaic.arith.addi"(%arg22, %81) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %83 = "stable_mosaic.arith.constant"() {value = 4 : i32} : () -> i32
    %84 = "stable_mosaic.arith.cmpi"(%82, %83) {predicate = 0 : i64} : (i32, i32) -> i1
    %85 = "stable_mosaic.arith.andi"(%84, %41) : (i1, i1) -> i1
    %86 = "stable_mosaic.arith.constant"() {value = true} : () -> i1
    %87 = "stable_mosaic.arith.xori"(%85, %86) : (i1, i1) -> i1
    %88 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %89 = "stable_mosaic.arith.addi"(%arg22, %88) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %90 = "stable_mosaic.arith.select"(%84, %52, %89) : (i1, i32, i32) -> i32
    %91 = "stable_mosaic.arith.extui"(%87) : (i1) -> i32
    %92 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %93 = "stable_mosaic.arith.cmpi"(%91, %92) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%93) ({
      %644 = "stable_mosaic.arith.select"(%84, %62, %33) : (i1, i32, i32) -> i32
      %645 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %646 = "stable_mosaic.arith.subi"(%645, %80) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %647 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %648 = "stable_mosaic.arith.muli"(%90, %647) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %649 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %650 = "stable_mosaic.arith.muli"(%90, %649) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %651 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %652 = "stable_mosaic.tpu.memref_slice"(%arg38, %651, %646) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %653 = "stable_mosaic.tpu.memref_squeeze"(%652) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %654 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %655 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %656 = "stable_mosaic.tpu.memref_slice"(%arg32, %646, %654, %655) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
      %657 = "stable_mosaic.tpu.memref_squeeze"(%656) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
      %658 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %659 = "stable_mosaic.tpu.memref_slice"(%arg26, %644, %648, %658) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
      %660 = "stable_mosaic.tpu.memref_squeeze"(%659) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
      "stable_mosaic.tpu.enqueue_dma"(%660, %657, %653) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
      %661 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %662 = "stable_mosaic.tpu.memref_slice"(%arg38, %661, %646) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %663 = "stable_mosaic.tpu.memref_squeeze"(%662) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %664 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %665 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %666 = "stable_mosaic.tpu.memref_slice"(%arg33, %646, %664, %665) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
      %667 = "stable_mosaic.tpu.memref_squeeze"(%666) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
      %668 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %669 = "stable_mosaic.tpu.memref_slice"(%arg27, %644, %650, %668) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
      %670 = "stable_mosaic.tpu.memref_squeeze"(%669) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
      "stable_mosaic.tpu.enqueue_dma"(%670, %667, %663) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
      %671 = "stable_mosaic.arith.constant"() {value = 2 : i32} : () -> i32
      %672 = "stable_mosaic.tpu.memref_slice"(%arg38, %671, %646) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %673 = "stable_mosaic.tpu.memref_squeeze"(%672) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %674 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %675 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %676 = "stable_mosaic.tpu.memref_slice"(%arg34, %646, %674, %675) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x2x128xf32, #tpu.memory_space<vmem>>
      %677 = "stable_mosaic.tpu.memref_squeeze"(%676) : (memref<1x2x128xf32, #tpu.memory_space<vmem>>) -> memref<2x128xf32, #tpu.memory_space<vmem>>
      %678 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %679 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %680 = "stable_mosaic.tpu.memref_slice"(%arg28, %644, %90, %678, %679) {operandSegmentSizes = array<i32: 1, 4, 0>} : (memref<2x4x2x128xf32, #tpu.memory_space<any>>, i32, i32, i32, i32) -> memref<1x1x2x128xf32, #tpu.memory_space<any>>
      %681 = "stable_mosaic.tpu.memref_squeeze"(%680) : (memref<1x1x2x128xf32, #tpu.memory_space<any>>) -> memref<2x128xf32, #tpu.memory_space<any>>
      "stable_mosaic.tpu.enqueue_dma"(%681, %677, %673) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<2x128xf32, #tpu.memory_space<any>>, memref<2x128xf32, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    %94 = "stable_mosaic.arith.constant"() {value = 4 : i32} : () -> i32
    %95 = "stable_mosaic.arith.muli"(%arg23, %94) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %96 = "stable_mosaic.arith.addi"(%95, %arg22) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %97 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
    %98 = "stable_mosaic.arith.muli"(%arg22, %97) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %99 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
    %100 = "stable_mosaic.arith.muli"(%arg22, %99) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %101 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %102 = "stable_mosaic.tpu.memref_slice"(%arg38, %101, %80) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
    %103 = "stable_mosaic.tpu.memref_squeeze"(%102) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
    %104 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %105 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %106 = "stable_mosaic.tpu.memref_slice"(%arg32, %80, %104, %105) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
    %107 = "stable_mosaic.tpu.memref_squeeze"(%106) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
    %108 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %109 = "stable_mosaic.tpu.memref_slice"(%arg26, %33, %98, %108) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
    %110 = "stable_mosaic.tpu.memref_squeeze"(%109) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
    "stable_mosaic.tpu.wait_dma2"(%103, %110, %107) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, strict_ordering = false} : (memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>) -> ()
    %111 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %112 = "stable_mosaic.tpu.memref_slice"(%arg38, %111, %80) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
    %113 = "stable_mosaic.tpu.memref_squeeze"(%112) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
    %114 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %115 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %116 = "stable_mosaic.tpu.memref_slice"(%arg33, %80, %114, %115) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
    %117 = "stable_mosaic.tpu.memref_squeeze"(%116) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
    %118 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %119 = "stable_mosaic.tpu.memref_slice"(%arg27, %33, %100, %118) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
    %120 = "stable_mosaic.tpu.memref_squeeze"(%119) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
    "stable_mosaic.tpu.wait_dma2"(%113, %120, %117) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, strict_ordering = false} : (memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>) -> ()
    %121 = "stable_mosaic.arith.constant"() {value = 2 : i32} : () -> i32
    %122 = "stable_mosaic.tpu.memref_slice"(%arg38, %121, %80) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
    %123 = "stable_mosaic.tpu.memref_squeeze"(%122) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
    %124 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %125 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %126 = "stable_mosaic.tpu.memref_slice"(%arg34, %80, %124, %125) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x2x128xf32, #tpu.memory_space<vmem>>
    %127 = "stable_mosaic.tpu.memref_squeeze"(%126) : (memref<1x2x128xf32, #tpu.memory_space<vmem>>) -> memref<2x128xf32, #tpu.memory_space<vmem>>
    %128 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %129 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %130 = "stable_mosaic.tpu.memref_slice"(%arg28, %33, %arg22, %128, %129) {operandSegmentSizes = array<i32: 1, 4, 0>} : (memref<2x4x2x128xf32, #tpu.memory_space<any>>, i32, i32, i32, i32) -> memref<1x1x2x128xf32, #tpu.memory_space<any>>
    %131 = "stable_mosaic.tpu.memref_squeeze"(%130) : (memref<1x1x2x128xf32, #tpu.memory_space<any>>) -> memref<2x128xf32, #tpu.memory_space<any>>
    "stable_mosaic.tpu.wait_dma2"(%123, %131, %127) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, strict_ordering = false} : (memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<2x128xf32, #tpu.memory_space<any>>, memref<2x128xf32, #tpu.memory_space<vmem>>) -> ()
    %132 = "stable_mosaic.arith.index_cast"(%80) : (i32) -> index
    %133 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %134 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %135 = "stable_mosaic.vector.load"(%arg32, %132, %133, %134) : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
    %136 = "stable_mosaic.vector.shape_cast"(%135) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
    %137 = "stable_mosaic.arith.index_cast"(%80) : (i32) -> index
    %138 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %139 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %140 = "stable_mosaic.vector.load"(%arg33, %137, %138, %139) : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
    %141 = "stable_mosaic.vector.shape_cast"(%140) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
    %142 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %143 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %144 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %145 = "stable_mosaic.vector.load"(%arg24, %142, %143, %144) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
    %146 = "stable_mosaic.vector.shape_cast"(%145) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
    %147 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
    %148 = "stable_mosaic.tpu.matmul"(%146, %136, %147) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
    %149 = "stable_mosaic.arith.constant"() {value = 0.127517432 : f32} : () -> f32
    %150 = "stable_mosaic.vector.broadcast"(%149) : (f32) -> vector<128x128xf32>
    %151 = "stable_mosaic.arith.mulf"(%148, %150) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
    %152 = "stable_mosaic.arith.index_cast"(%80) : (i32) -> index
    %153 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %154 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %155 = "stable_mosaic.vector.load"(%arg34, %152, %153, %154) : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
    %156 = "stable_mosaic.vector.shape_cast"(%155) : (vector<1x1x128xf32>) -> vector<1x128xf32>
    %157 = "stable_mosaic.vector.broadcast"(%156) : (vector<1x128xf32>) -> vector<128x128xf32>
    %158 = "stable_mosaic.arith.subf"(%151, %157) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
    %159 = "stable_mosaic.tpu.iota"() {dimensions = array<i32: 1>} : () -> vector<128x128xi32>
    %160 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %161 = "stable_mosaic.vector.broadcast"(%160) : (i32) -> vector<128x128xi32>
    %162 = "stable_mosaic.arith.addi"(%159, %161) {overflowFlags = #arith.overflow<none>} : (vector<128x128xi32>, vector<128x128xi32>) -> vector<128x128xi32>
    %163 = "stable_mosaic.tpu.iota"() {dimensions = array<i32: 0>} : () -> vector<128x128xi32>
    %164 = "stable_mosaic.arith.subi"(%162, %163) {overflowFlags = #arith.overflow<none>} : (vector<128x128xi32>, vector<128x128xi32>) -> vector<128x128xi32>
    %165 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %166 = "stable_mosaic.vector.broadcast"(%165) : (i32) -> vector<128x128xi32>
    %167 = "stable_mosaic.arith.cmpi"(%164, %166) {predicate = 5 : i64} : (vector<128x128xi32>, vector<128x128xi32>) -> vector<128x128xi1>
    %168 = "stable_mosaic.arith.constant"() {value = -1.000000e+30 : f32} : () -> f32
    %169 = "stable_mosaic.vector.broadcast"(%168) : (f32) -> vector<128x128xf32>
    %170 = "stable_mosaic.arith.select"(%167, %158, %169) : (vector<128x128xi1>, vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
    %171 = "stable_mosaic.math.exp2"(%170) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>) -> vector<128x128xf32>
    %172 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %173 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %174 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %175 = "stable_mosaic.vector.load"(%arg25, %172, %173, %174) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
    %176 = "stable_mosaic.vector.shape_cast"(%175) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
    %177 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
    %178 = "stable_mosaic.tpu.matmul"(%176, %141, %177) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
    %179 = "stable_mosaic.arith.index_cast"(%80) : (i32) -> index
    %180 = "stable_mosaic.arith.constant"() {value = 1 : index} : () -> index
    %181 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %182 = "stable_mosaic.vector.load"(%arg34, %179, %180, %181) : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
    %183 = "stable_mosaic.vector.shape_cast"(%182) : (vector<1x1x128xf32>) -> vector<1x128xf32>
    %184 = "stable_mosaic.vector.broadcast"(%183) : (vector<1x128xf32>) -> vector<128x128xf32>
    %185 = "stable_mosaic.arith.subf"(%178, %184) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
    %186 = "stable_mosaic.arith.mulf"(%171, %185) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
    %187 = "stable_mosaic.arith.truncf"(%186) : (vector<128x128xf32>) -> vector<128x128xbf16>
    %188 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %189 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %190 = "stable_mosaic.vector.load"(%arg36, %188, %189) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
    %191 = "stable_mosaic.arith.truncf"(%171) : (vector<128x128xf32>) -> vector<128x128xbf16>
    %192 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
    %193 = "stable_mosaic.tpu.matmul"(%191, %141, %192) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
    %194 = "stable_mosaic.arith.addf"(%190, %193) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
    %195 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %196 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %197 = "stable_mosaic.vector.load"(%arg36, %195, %196) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
    "stable_mosaic.tpu.vector_store"(%194, %arg36, %195, %196) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
    %198 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %199 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %200 = "stable_mosaic.vector.load"(%arg35, %198, %199) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
    %201 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
    %202 = "stable_mosaic.tpu.matmul"(%187, %136, %201) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
    %203 = "stable_mosaic.arith.addf"(%200, %202) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
    %204 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %205 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %206 = "stable_mosaic.vector.load"(%arg35, %204, %205) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
    "stable_mosaic.tpu.vector_store"(%203, %arg35, %204, %205) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
    %207 = "stable_mosaic.arith.index_cast"(%96) : (i32) -> index
    %208 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %209 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %210 = "stable_mosaic.vector.load"(%arg37, %207, %208, %209) : (memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xf32>
    %211 = "stable_mosaic.vector.shape_cast"(%210) : (vector<1x128x128xf32>) -> vector<128x128xf32>
    %212 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %213 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %214 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %215 = "stable_mosaic.vector.load"(%arg24, %212, %213, %214) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
    %216 = "stable_mosaic.vector.shape_cast"(%215) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
    %217 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
    %218 = "stable_mosaic.tpu.matmul"(%187, %216, %217) {dimension_numbers = #tpu.dot_dimension_numbers<[0], [0], [1], [1], [0, 1, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
    %219 = "stable_mosaic.arith.addf"(%211, %218) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
    %220 = "stable_mosaic.arith.index_cast"(%96) : (i32) -> index
    %221 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %222 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %223 = "stable_mosaic.vector.load"(%arg37, %220, %221, %222) : (memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xf32>
    %224 = "stable_mosaic.vector.shape_cast"(%223) : (vector<1x128x128xf32>) -> vector<128x128xf32>
    %225 = "stable_mosaic.vector.shape_cast"(%219) : (vector<128x128xf32>) -> vector<1x128x128xf32>
    "stable_mosaic.tpu.vector_store"(%225, %arg37, %220, %221, %222) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xf32>, memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> ()
    %226 = "stable_mosaic.arith.index_cast"(%96) : (i32) -> index
    %227 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %228 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %229 = "stable_mosaic.vector.load"(%arg37, %226, %227, %228) : (memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xf32>
    %230 = "stable_mosaic.vector.shape_cast"(%229) : (vector<1x128x128xf32>) -> vector<128x128xf32>
    %231 = "stable_mosaic.arith.constant"() {value = 0.0883883461 : f32} : () -> f32
    %232 = "stable_mosaic.vector.broadcast"(%231) : (f32) -> vector<128x128xf32>
    %233 = "stable_mosaic.arith.mulf"(%230, %232) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
    %234 = "stable_mosaic.arith.truncf"(%233) : (vector<128x128xf32>) -> vector<128x128xbf16>
    %235 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %236 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %237 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %238 = "stable_mosaic.vector.load"(%arg31, %235, %236, %237) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
    %239 = "stable_mosaic.vector.shape_cast"(%238) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
    %240 = "stable_mosaic.vector.shape_cast"(%234) : (vector<128x128xbf16>) -> vector<1x128x128xbf16>
    "stable_mosaic.tpu.vector_store"(%240, %arg31, %235, %236, %237) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xbf16>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> ()
    %241 = "stable_mosaic.arith.constant"() {value = 0.000000e+00 : f32} : () -> f32
    %242 = "stable_mosaic.vector.broadcast"(%241) : (f32) -> vector<128x128xf32>
    %243 = "stable_mosaic.arith.index_cast"(%96) : (i32) -> index
    %244 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %245 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %246 = "stable_mosaic.vector.load"(%arg37, %243, %244, %245) : (memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xf32>
    %247 = "stable_mosaic.vector.shape_cast"(%246) : (vector<1x128x128xf32>) -> vector<128x128xf32>
    %248 = "stable_mosaic.vector.shape_cast"(%242) : (vector<128x128xf32>) -> vector<1x128x128xf32>
    "stable_mosaic.tpu.vector_store"(%248, %arg37, %243, %244, %245) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xf32>, memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> ()
    %249 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %250 = "stable_mosaic.arith.subi"(%249, %80) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %251 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %252 = "stable_mosaic.arith.addi"(%arg22, %251) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %253 = "stable_mosaic.arith.constant"() {value = 4 : i32} : () -> i32
    %254 = "stable_mosaic.arith.subi"(%253, %252) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %255 = "stable_mosaic.arith.addi"(%252, %254) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %256 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %257 = "stable_mosaic.arith.divsi"(%254, %256) : (i32, i32) -> i32
    %258 = "stable_mosaic.arith.muli"(%257, %256) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %259 = "stable_mosaic.arith.addi"(%252, %258) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %260 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %261 = "stable_mosaic.scf.for"(%252, %259, %260, %250) ({
    ^bb0(%arg43: i32, %arg44: i32):
      %469 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %470 = "stable_mosaic.arith.addi"(%arg43, %469) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %471 = "stable_mosaic.arith.constant"() {value = 4 : i32} : () -> i32
      %472 = "stable_mosaic.arith.cmpi"(%470, %471) {predicate = 0 : i64} : (i32, i32) -> i1
      %473 = "stable_mosaic.arith.andi"(%472, %41) : (i1, i1) -> i1
      %474 = "stable_mosaic.arith.constant"() {value = true} : () -> i1
      %475 = "stable_mosaic.arith.xori"(%473, %474) : (i1, i1) -> i1
      %476 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %477 = "stable_mosaic.arith.addi"(%arg43, %476) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %478 = "stable_mosaic.arith.select"(%472, %52, %477) : (i1, i32, i32) -> i32
      %479 = "stable_mosaic.arith.select"(%472, %52, %arg22) : (i1, i32, i32) -> i32
      %480 = "stable_mosaic.arith.select"(%472, %45, %arg23) : (i1, i32, i32) -> i32
      %481 = "stable_mosaic.arith.extui"(%475) : (i1) -> i32
      %482 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %483 = "stable_mosaic.arith.cmpi"(%481, %482) {predicate = 1 : i64} : (i32, i32) -> i1
      "stable_mosaic.scf.if"(%483) ({
        %606 = "stable_mosaic.arith.select"(%472, %62, %33) : (i1, i32, i32) -> i32
        %607 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
        %608 = "stable_mosaic.arith.subi"(%607, %arg44) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
        %609 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
        %610 = "stable_mosaic.arith.muli"(%478, %609) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
        %611 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
        %612 = "stable_mosaic.arith.muli"(%478, %611) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
        %613 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %614 = "stable_mosaic.tpu.memref_slice"(%arg38, %613, %608) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %615 = "stable_mosaic.tpu.memref_squeeze"(%614) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %616 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %617 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %618 = "stable_mosaic.tpu.memref_slice"(%arg32, %608, %616, %617) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
        %619 = "stable_mosaic.tpu.memref_squeeze"(%618) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
        %620 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %621 = "stable_mosaic.tpu.memref_slice"(%arg26, %606, %610, %620) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
        %622 = "stable_mosaic.tpu.memref_squeeze"(%621) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
        "stable_mosaic.tpu.enqueue_dma"(%622, %619, %615) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
        %623 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
        %624 = "stable_mosaic.tpu.memref_slice"(%arg38, %623, %608) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %625 = "stable_mosaic.tpu.memref_squeeze"(%624) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %626 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %627 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %628 = "stable_mosaic.tpu.memref_slice"(%arg33, %608, %626, %627) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
        %629 = "stable_mosaic.tpu.memref_squeeze"(%628) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
        %630 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %631 = "stable_mosaic.tpu.memref_slice"(%arg27, %606, %612, %630) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
        %632 = "stable_mosaic.tpu.memref_squeeze"(%631) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
        "stable_mosaic.tpu.enqueue_dma"(%632, %629, %625) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
        %633 = "stable_mosaic.arith.constant"() {value = 2 : i32} : () -> i32
        %634 = "stable_mosaic.tpu.memref_slice"(%arg38, %633, %608) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %635 = "stable_mosaic.tpu.memref_squeeze"(%634) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %636 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %637 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %638 = "stable_mosaic.tpu.memref_slice"(%arg34, %608, %636, %637) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x2x128xf32, #tpu.memory_space<vmem>>
        %639 = "stable_mosaic.tpu.memref_squeeze"(%638) : (memref<1x2x128xf32, #tpu.memory_space<vmem>>) -> memref<2x128xf32, #tpu.memory_space<vmem>>
        %640 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %641 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %642 = "stable_mosaic.tpu.memref_slice"(%arg28, %606, %478, %640, %641) {operandSegmentSizes = array<i32: 1, 4, 0>} : (memref<2x4x2x128xf32, #tpu.memory_space<any>>, i32, i32, i32, i32) -> memref<1x1x2x128xf32, #tpu.memory_space<any>>
        %643 = "stable_mosaic.tpu.memref_squeeze"(%642) : (memref<1x1x2x128xf32, #tpu.memory_space<any>>) -> memref<2x128xf32, #tpu.memory_space<any>>
        "stable_mosaic.tpu.enqueue_dma"(%643, %639, %635) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<2x128xf32, #tpu.memory_space<any>>, memref<2x128xf32, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
        "stable_mosaic.scf.yield"() : () -> ()
      }, {
        "stable_mosaic.scf.yield"() : () -> ()
      }) : (i1) -> ()
      %484 = "stable_mosaic.arith.constant"() {value = 4 : i32} : () -> i32
      %485 = "stable_mosaic.arith.muli"(%arg23, %484) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %486 = "stable_mosaic.arith.addi"(%485, %arg43) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %487 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %488 = "stable_mosaic.arith.muli"(%arg43, %487) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %489 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %490 = "stable_mosaic.arith.muli"(%arg43, %489) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %491 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %492 = "stable_mosaic.tpu.memref_slice"(%arg38, %491, %arg44) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %493 = "stable_mosaic.tpu.memref_squeeze"(%492) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %494 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %495 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %496 = "stable_mosaic.tpu.memref_slice"(%arg32, %arg44, %494, %495) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
      %497 = "stable_mosaic.tpu.memref_squeeze"(%496) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
      %498 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %499 = "stable_mosaic.tpu.memref_slice"(%arg26, %33, %488, %498) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
      %500 = "stable_mosaic.tpu.memref_squeeze"(%499) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
      "stable_mosaic.tpu.wait_dma2"(%493, %500, %497) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, strict_ordering = false} : (memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>) -> ()
      %501 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %502 = "stable_mosaic.tpu.memref_slice"(%arg38, %501, %arg44) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %503 = "stable_mosaic.tpu.memref_squeeze"(%502) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %504 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %505 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %506 = "stable_mosaic.tpu.memref_slice"(%arg33, %arg44, %504, %505) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
      %507 = "stable_mosaic.tpu.memref_squeeze"(%506) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
      %508 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %509 = "stable_mosaic.tpu.memref_slice"(%arg27, %33, %490, %508) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
      %510 = "stable_mosaic.tpu.memref_squeeze"(%509) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
      "stable_mosaic.tpu.wait_dma2"(%503, %510, %507) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, strict_ordering = false} : (memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>) -> ()
      %511 = "stable_mosaic.arith.constant"() {value = 2 : i32} : () -> i32
      %512 = "stable_mosaic.tpu.memref_slice"(%arg38, %511, %arg44) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %513 = "stable_mosaic.tpu.memref_squeeze"(%512) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %514 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %515 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %516 = "stable_mosaic.tpu.memref_slice"(%arg34, %arg44, %514, %515) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x2x128xf32, #tpu.memory_space<vmem>>
      %517 = "stable_mosaic.tpu.memref_squeeze"(%516) : (memref<1x2x128xf32, #tpu.memory_space<vmem>>) -> memref<2x128xf32, #tpu.memory_space<vmem>>
      %518 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %519 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %520 = "stable_mosaic.tpu.memref_slice"(%arg28, %33, %arg43, %518, %519) {operandSegmentSizes = array<i32: 1, 4, 0>} : (memref<2x4x2x128xf32, #tpu.memory_space<any>>, i32, i32, i32, i32) -> memref<1x1x2x128xf32, #tpu.memory_space<any>>
      %521 = "stable_mosaic.tpu.memref_squeeze"(%520) : (memref<1x1x2x128xf32, #tpu.memory_space<any>>) -> memref<2x128xf32, #tpu.memory_space<any>>
      "stable_mosaic.tpu.wait_dma2"(%513, %521, %517) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, strict_ordering = false} : (memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<2x128xf32, #tpu.memory_space<any>>, memref<2x128xf32, #tpu.memory_space<vmem>>) -> ()
      %522 = "stable_mosaic.arith.index_cast"(%arg44) : (i32) -> index
      %523 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %524 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %525 = "stable_mosaic.vector.load"(%arg32, %522, %523, %524) : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %526 = "stable_mosaic.vector.shape_cast"(%525) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %527 = "stable_mosaic.arith.index_cast"(%arg44) : (i32) -> index
      %528 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %529 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %530 = "stable_mosaic.vector.load"(%arg33, %527, %528, %529) : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %531 = "stable_mosaic.vector.shape_cast"(%530) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %532 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %533 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %534 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %535 = "stable_mosaic.vector.load"(%arg24, %532, %533, %534) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %536 = "stable_mosaic.vector.shape_cast"(%535) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %537 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %538 = "stable_mosaic.tpu.matmul"(%536, %526, %537) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %539 = "stable_mosaic.arith.constant"() {value = 0.127517432 : f32} : () -> f32
      %540 = "stable_mosaic.vector.broadcast"(%539) : (f32) -> vector<128x128xf32>
      %541 = "stable_mosaic.arith.mulf"(%538, %540) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %542 = "stable_mosaic.arith.index_cast"(%arg44) : (i32) -> index
      %543 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %544 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %545 = "stable_mosaic.vector.load"(%arg34, %542, %543, %544) : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
      %546 = "stable_mosaic.vector.shape_cast"(%545) : (vector<1x1x128xf32>) -> vector<1x128xf32>
      %547 = "stable_mosaic.vector.broadcast"(%546) : (vector<1x128xf32>) -> vector<128x128xf32>
      %548 = "stable_mosaic.arith.subf"(%541, %547) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %549 = "stable_mosaic.math.exp2"(%548) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>) -> vector<128x128xf32>
      %550 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %551 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %552 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %553 = "stable_mosaic.vector.load"(%arg25, %550, %551, %552) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %554 = "stable_mosaic.vector.shape_cast"(%553) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %555 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %556 = "stable_mosaic.tpu.matmul"(%554, %531, %555) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %557 = "stable_mosaic.arith.index_cast"(%arg44) : (i32) -> index
      %558 = "stable_mosaic.arith.constant"() {value = 1 : index} : () -> index
      %559 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %560 = "stable_mosaic.vector.load"(%arg34, %557, %558, %559) : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
      %561 = "stable_mosaic.vector.shape_cast"(%560) : (vector<1x1x128xf32>) -> vector<1x128xf32>
      %562 = "stable_mosaic.vector.broadcast"(%561) : (vector<1x128xf32>) -> vector<128x128xf32>
      %563 = "stable_mosaic.arith.subf"(%556, %562) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %564 = "stable_mosaic.arith.mulf"(%549, %563) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %565 = "stable_mosaic.arith.truncf"(%564) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %566 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %567 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %568 = "stable_mosaic.vector.load"(%arg36, %566, %567) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %569 = "stable_mosaic.arith.truncf"(%549) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %570 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %571 = "stable_mosaic.tpu.matmul"(%569, %531, %570) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %572 = "stable_mosaic.arith.addf"(%568, %571) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %573 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %574 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %575 = "stable_mosaic.vector.load"(%arg36, %573, %574) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%572, %arg36, %573, %574) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %576 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %577 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %578 = "stable_mosaic.vector.load"(%arg35, %576, %577) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %579 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %580 = "stable_mosaic.tpu.matmul"(%565, %526, %579) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %581 = "stable_mosaic.arith.addf"(%578, %580) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %582 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %583 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %584 = "stable_mosaic.vector.load"(%arg35, %582, %583) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%581, %arg35, %582, %583) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %585 = "stable_mosaic.arith.index_cast"(%486) : (i32) -> index
      %586 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %587 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %588 = "stable_mosaic.vector.load"(%arg37, %585, %586, %587) : (memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xf32>
      %589 = "stable_mosaic.vector.shape_cast"(%588) : (vector<1x128x128xf32>) -> vector<128x128xf32>
      %590 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %591 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %592 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %593 = "stable_mosaic.vector.load"(%arg24, %590, %591, %592) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %594 = "stable_mosaic.vector.shape_cast"(%593) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %595 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %596 = "stable_mosaic.tpu.matmul"(%565, %594, %595) {dimension_numbers = #tpu.dot_dimension_numbers<[0], [0], [1], [1], [0, 1, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %597 = "stable_mosaic.arith.addf"(%589, %596) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %598 = "stable_mosaic.arith.index_cast"(%486) : (i32) -> index
      %599 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %600 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %601 = "stable_mosaic.vector.load"(%arg37, %598, %599, %600) : (memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xf32>
      %602 = "stable_mosaic.vector.shape_cast"(%601) : (vector<1x128x128xf32>) -> vector<128x128xf32>
      %603 = "stable_mosaic.vector.shape_cast"(%597) : (vector<128x128xf32>) -> vector<1x128x128xf32>
      "stable_mosaic.tpu.vector_store"(%603, %arg37, %598, %599, %600) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xf32>, memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> ()
      %604 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %605 = "stable_mosaic.arith.subi"(%604, %arg44) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      "stable_mosaic.scf.yield"(%605) : (i32) -> ()
    }) : (i32, i32, i32, i32) -> i32
    %262 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %263 = "stable_mosaic.scf.for"(%259, %255, %262, %261) ({
    ^bb0(%arg41: i32, %arg42: i32):
      %294 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %295 = "stable_mosaic.arith.addi"(%arg41, %294) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %296 = "stable_mosaic.arith.constant"() {value = 4 : i32} : () -> i32
      %297 = "stable_mosaic.arith.cmpi"(%295, %296) {predicate = 0 : i64} : (i32, i32) -> i1
      %298 = "stable_mosaic.arith.andi"(%297, %41) : (i1, i1) -> i1
      %299 = "stable_mosaic.arith.constant"() {value = true} : () -> i1
      %300 = "stable_mosaic.arith.xori"(%298, %299) : (i1, i1) -> i1
      %301 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %302 = "stable_mosaic.arith.addi"(%arg41, %301) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %303 = "stable_mosaic.arith.select"(%297, %52, %302) : (i1, i32, i32) -> i32
      %304 = "stable_mosaic.arith.select"(%297, %52, %arg22) : (i1, i32, i32) -> i32
      %305 = "stable_mosaic.arith.select"(%297, %45, %arg23) : (i1, i32, i32) -> i32
      %306 = "stable_mosaic.arith.extui"(%300) : (i1) -> i32
      %307 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %308 = "stable_mosaic.arith.cmpi"(%306, %307) {predicate = 1 : i64} : (i32, i32) -> i1
      "stable_mosaic.scf.if"(%308) ({
        %431 = "stable_mosaic.arith.select"(%297, %62, %33) : (i1, i32, i32) -> i32
        %432 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
        %433 = "stable_mosaic.arith.subi"(%432, %arg42) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
        %434 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
        %435 = "stable_mosaic.arith.muli"(%303, %434) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
        %436 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
        %437 = "stable_mosaic.arith.muli"(%303, %436) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
        %438 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %439 = "stable_mosaic.tpu.memref_slice"(%arg38, %438, %433) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %440 = "stable_mosaic.tpu.memref_squeeze"(%439) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %441 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %442 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %443 = "stable_mosaic.tpu.memref_slice"(%arg32, %433, %441, %442) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
        %444 = "stable_mosaic.tpu.memref_squeeze"(%443) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
        %445 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %446 = "stable_mosaic.tpu.memref_slice"(%arg26, %431, %435, %445) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
        %447 = "stable_mosaic.tpu.memref_squeeze"(%446) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
        "stable_mosaic.tpu.enqueue_dma"(%447, %444, %440) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
        %448 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
        %449 = "stable_mosaic.tpu.memref_slice"(%arg38, %448, %433) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %450 = "stable_mosaic.tpu.memref_squeeze"(%449) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %451 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %452 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %453 = "stable_mosaic.tpu.memref_slice"(%arg33, %433, %451, %452) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
        %454 = "stable_mosaic.tpu.memref_squeeze"(%453) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
        %455 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %456 = "stable_mosaic.tpu.memref_slice"(%arg27, %431, %437, %455) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
        %457 = "stable_mosaic.tpu.memref_squeeze"(%456) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
        "stable_mosaic.tpu.enqueue_dma"(%457, %454, %450) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
        %458 = "stable_mosaic.arith.constant"() {value = 2 : i32} : () -> i32
        %459 = "stable_mosaic.tpu.memref_slice"(%arg38, %458, %433) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %460 = "stable_mosaic.tpu.memref_squeeze"(%459) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
        %461 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %462 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %463 = "stable_mosaic.tpu.memref_slice"(%arg34, %433, %461, %462) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x2x128xf32, #tpu.memory_space<vmem>>
        %464 = "stable_mosaic.tpu.memref_squeeze"(%463) : (memref<1x2x128xf32, #tpu.memory_space<vmem>>) -> memref<2x128xf32, #tpu.memory_space<vmem>>
        %465 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %466 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
        %467 = "stable_mosaic.tpu.memref_slice"(%arg28, %431, %303, %465, %466) {operandSegmentSizes = array<i32: 1, 4, 0>} : (memref<2x4x2x128xf32, #tpu.memory_space<any>>, i32, i32, i32, i32) -> memref<1x1x2x128xf32, #tpu.memory_space<any>>
        %468 = "stable_mosaic.tpu.memref_squeeze"(%467) : (memref<1x1x2x128xf32, #tpu.memory_space<any>>) -> memref<2x128xf32, #tpu.memory_space<any>>
        "stable_mosaic.tpu.enqueue_dma"(%468, %464, %460) {operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 0, 0>, priority = 0 : i32, strict_ordering = false} : (memref<2x128xf32, #tpu.memory_space<any>>, memref<2x128xf32, #tpu.memory_space<vmem>>, memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> ()
        "stable_mosaic.scf.yield"() : () -> ()
      }, {
        "stable_mosaic.scf.yield"() : () -> ()
      }) : (i1) -> ()
      %309 = "stable_mosaic.arith.constant"() {value = 4 : i32} : () -> i32
      %310 = "stable_mosaic.arith.muli"(%arg23, %309) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %311 = "stable_mosaic.arith.addi"(%310, %arg41) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %312 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %313 = "stable_mosaic.arith.muli"(%arg41, %312) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %314 = "stable_mosaic.arith.constant"() {value = 128 : i32} : () -> i32
      %315 = "stable_mosaic.arith.muli"(%arg41, %314) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      %316 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %317 = "stable_mosaic.tpu.memref_slice"(%arg38, %316, %arg42) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %318 = "stable_mosaic.tpu.memref_squeeze"(%317) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %319 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %320 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %321 = "stable_mosaic.tpu.memref_slice"(%arg32, %arg42, %319, %320) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
      %322 = "stable_mosaic.tpu.memref_squeeze"(%321) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
      %323 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %324 = "stable_mosaic.tpu.memref_slice"(%arg26, %33, %313, %323) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
      %325 = "stable_mosaic.tpu.memref_squeeze"(%324) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
      "stable_mosaic.tpu.wait_dma2"(%318, %325, %322) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, strict_ordering = false} : (memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>) -> ()
      %326 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %327 = "stable_mosaic.tpu.memref_slice"(%arg38, %326, %arg42) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %328 = "stable_mosaic.tpu.memref_squeeze"(%327) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %329 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %330 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %331 = "stable_mosaic.tpu.memref_slice"(%arg33, %arg42, %329, %330) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<vmem>>
      %332 = "stable_mosaic.tpu.memref_squeeze"(%331) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>) -> memref<128x128xbf16, #tpu.memory_space<vmem>>
      %333 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %334 = "stable_mosaic.tpu.memref_slice"(%arg27, %33, %315, %333) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x512x128xbf16, #tpu.memory_space<any>>, i32, i32, i32) -> memref<1x128x128xbf16, #tpu.memory_space<any>>
      %335 = "stable_mosaic.tpu.memref_squeeze"(%334) : (memref<1x128x128xbf16, #tpu.memory_space<any>>) -> memref<128x128xbf16, #tpu.memory_space<any>>
      "stable_mosaic.tpu.wait_dma2"(%328, %335, %332) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, strict_ordering = false} : (memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<128x128xbf16, #tpu.memory_space<any>>, memref<128x128xbf16, #tpu.memory_space<vmem>>) -> ()
      %336 = "stable_mosaic.arith.constant"() {value = 2 : i32} : () -> i32
      %337 = "stable_mosaic.tpu.memref_slice"(%arg38, %336, %arg42) {operandSegmentSizes = array<i32: 1, 2, 0>} : (memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, i32, i32) -> memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %338 = "stable_mosaic.tpu.memref_squeeze"(%337) : (memref<1x1x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>) -> memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>
      %339 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %340 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %341 = "stable_mosaic.tpu.memref_slice"(%arg34, %arg42, %339, %340) {operandSegmentSizes = array<i32: 1, 3, 0>} : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, i32, i32, i32) -> memref<1x2x128xf32, #tpu.memory_space<vmem>>
      %342 = "stable_mosaic.tpu.memref_squeeze"(%341) : (memref<1x2x128xf32, #tpu.memory_space<vmem>>) -> memref<2x128xf32, #tpu.memory_space<vmem>>
      %343 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %344 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
      %345 = "stable_mosaic.tpu.memref_slice"(%arg28, %33, %arg41, %343, %344) {operandSegmentSizes = array<i32: 1, 4, 0>} : (memref<2x4x2x128xf32, #tpu.memory_space<any>>, i32, i32, i32, i32) -> memref<1x1x2x128xf32, #tpu.memory_space<any>>
      %346 = "stable_mosaic.tpu.memref_squeeze"(%345) : (memref<1x1x2x128xf32, #tpu.memory_space<any>>) -> memref<2x128xf32, #tpu.memory_space<any>>
      "stable_mosaic.tpu.wait_dma2"(%338, %346, %342) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, strict_ordering = false} : (memref<!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<2x128xf32, #tpu.memory_space<any>>, memref<2x128xf32, #tpu.memory_space<vmem>>) -> ()
      %347 = "stable_mosaic.arith.index_cast"(%arg42) : (i32) -> index
      %348 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %349 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %350 = "stable_mosaic.vector.load"(%arg32, %347, %348, %349) : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %351 = "stable_mosaic.vector.shape_cast"(%350) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %352 = "stable_mosaic.arith.index_cast"(%arg42) : (i32) -> index
      %353 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %354 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %355 = "stable_mosaic.vector.load"(%arg33, %352, %353, %354) : (memref<2x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %356 = "stable_mosaic.vector.shape_cast"(%355) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %357 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %358 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %359 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %360 = "stable_mosaic.vector.load"(%arg24, %357, %358, %359) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %361 = "stable_mosaic.vector.shape_cast"(%360) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %362 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %363 = "stable_mosaic.tpu.matmul"(%361, %351, %362) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %364 = "stable_mosaic.arith.constant"() {value = 0.127517432 : f32} : () -> f32
      %365 = "stable_mosaic.vector.broadcast"(%364) : (f32) -> vector<128x128xf32>
      %366 = "stable_mosaic.arith.mulf"(%363, %365) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %367 = "stable_mosaic.arith.index_cast"(%arg42) : (i32) -> index
      %368 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %369 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %370 = "stable_mosaic.vector.load"(%arg34, %367, %368, %369) : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
      %371 = "stable_mosaic.vector.shape_cast"(%370) : (vector<1x1x128xf32>) -> vector<1x128xf32>
      %372 = "stable_mosaic.vector.broadcast"(%371) : (vector<1x128xf32>) -> vector<128x128xf32>
      %373 = "stable_mosaic.arith.subf"(%366, %372) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %374 = "stable_mosaic.math.exp2"(%373) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>) -> vector<128x128xf32>
      %375 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %376 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %377 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %378 = "stable_mosaic.vector.load"(%arg25, %375, %376, %377) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %379 = "stable_mosaic.vector.shape_cast"(%378) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %380 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %381 = "stable_mosaic.tpu.matmul"(%379, %356, %380) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [1], [0], [0], [0, 0, 1, 0], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %382 = "stable_mosaic.arith.index_cast"(%arg42) : (i32) -> index
      %383 = "stable_mosaic.arith.constant"() {value = 1 : index} : () -> index
      %384 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %385 = "stable_mosaic.vector.load"(%arg34, %382, %383, %384) : (memref<2x2x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x1x128xf32>
      %386 = "stable_mosaic.vector.shape_cast"(%385) : (vector<1x1x128xf32>) -> vector<1x128xf32>
      %387 = "stable_mosaic.vector.broadcast"(%386) : (vector<1x128xf32>) -> vector<128x128xf32>
      %388 = "stable_mosaic.arith.subf"(%381, %387) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %389 = "stable_mosaic.arith.mulf"(%374, %388) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %390 = "stable_mosaic.arith.truncf"(%389) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %391 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %392 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %393 = "stable_mosaic.vector.load"(%arg36, %391, %392) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %394 = "stable_mosaic.arith.truncf"(%374) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %395 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %396 = "stable_mosaic.tpu.matmul"(%394, %356, %395) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %397 = "stable_mosaic.arith.addf"(%393, %396) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %398 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %399 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %400 = "stable_mosaic.vector.load"(%arg36, %398, %399) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%397, %arg36, %398, %399) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %401 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %402 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %403 = "stable_mosaic.vector.load"(%arg35, %401, %402) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %404 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %405 = "stable_mosaic.tpu.matmul"(%390, %351, %404) {dimension_numbers = #tpu.dot_dimension_numbers<[1], [0], [0], [1], [0, 0, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %406 = "stable_mosaic.arith.addf"(%403, %405) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %407 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %408 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %409 = "stable_mosaic.vector.load"(%arg35, %407, %408) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      "stable_mosaic.tpu.vector_store"(%406, %arg35, %407, %408) {add = false, operandSegmentSizes = array<i32: 1, 1, 2, 0>, strides = array<i32>} : (vector<128x128xf32>, memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> ()
      %410 = "stable_mosaic.arith.index_cast"(%311) : (i32) -> index
      %411 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %412 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %413 = "stable_mosaic.vector.load"(%arg37, %410, %411, %412) : (memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xf32>
      %414 = "stable_mosaic.vector.shape_cast"(%413) : (vector<1x128x128xf32>) -> vector<128x128xf32>
      %415 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %416 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %417 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %418 = "stable_mosaic.vector.load"(%arg24, %415, %416, %417) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %419 = "stable_mosaic.vector.shape_cast"(%418) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %420 = "stable_mosaic.arith.constant"() {value = dense<0.000000e+00> : vector<128x128xf32>} : () -> vector<128x128xf32>
      %421 = "stable_mosaic.tpu.matmul"(%390, %419, %420) {dimension_numbers = #tpu.dot_dimension_numbers<[0], [0], [1], [1], [0, 1, 1, 1], [], []>, transpose_lhs = false, transpose_lhs_hint = false, transpose_rhs = false} : (vector<128x128xbf16>, vector<128x128xbf16>, vector<128x128xf32>) -> vector<128x128xf32>
      %422 = "stable_mosaic.arith.addf"(%414, %421) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %423 = "stable_mosaic.arith.index_cast"(%311) : (i32) -> index
      %424 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %425 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %426 = "stable_mosaic.vector.load"(%arg37, %423, %424, %425) : (memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xf32>
      %427 = "stable_mosaic.vector.shape_cast"(%426) : (vector<1x128x128xf32>) -> vector<128x128xf32>
      %428 = "stable_mosaic.vector.shape_cast"(%422) : (vector<128x128xf32>) -> vector<1x128x128xf32>
      "stable_mosaic.tpu.vector_store"(%428, %arg37, %423, %424, %425) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xf32>, memref<4x128x128xf32, #tpu.memory_space<vmem>>, index, index, index) -> ()
      %429 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
      %430 = "stable_mosaic.arith.subi"(%429, %arg42) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
      "stable_mosaic.scf.yield"(%430) : (i32) -> ()
    }) : (i32, i32, i32, i32) -> i32
    %264 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
    %265 = "stable_mosaic.memref.load"(%arg40, %264) : (memref<7xi32, #tpu.memory_space<smem>>, index) -> i32
    "stable_mosaic.memref.store"(%263, %arg40, %264) : (i32, memref<7xi32, #tpu.memory_space<smem>>, index) -> ()
    %266 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %267 = "stable_mosaic.arith.cmpi"(%arg23, %266) {predicate = 0 : i64} : (i32, i32) -> i1
    %268 = "stable_mosaic.arith.extui"(%267) : (i1) -> i32
    %269 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %270 = "stable_mosaic.arith.cmpi"(%268, %269) {predicate = 1 : i64} : (i32, i32) -> i1
    "stable_mosaic.scf.if"(%270) ({
      %271 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %272 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %273 = "stable_mosaic.vector.load"(%arg35, %271, %272) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %274 = "stable_mosaic.arith.constant"() {value = 0.0883883461 : f32} : () -> f32
      %275 = "stable_mosaic.vector.broadcast"(%274) : (f32) -> vector<128x128xf32>
      %276 = "stable_mosaic.arith.mulf"(%273, %275) {fastmath = #arith.fastmath<none>} : (vector<128x128xf32>, vector<128x128xf32>) -> vector<128x128xf32>
      %277 = "stable_mosaic.arith.truncf"(%276) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %278 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %279 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %280 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %281 = "stable_mosaic.vector.load"(%arg29, %278, %279, %280) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %282 = "stable_mosaic.vector.shape_cast"(%281) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %283 = "stable_mosaic.vector.shape_cast"(%277) : (vector<128x128xbf16>) -> vector<1x128x128xbf16>
      "stable_mosaic.tpu.vector_store"(%283, %arg29, %278, %279, %280) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xbf16>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> ()
      %284 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %285 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %286 = "stable_mosaic.vector.load"(%arg36, %284, %285) : (memref<128x128xf32, #tpu.memory_space<vmem>>, index, index) -> vector<128x128xf32>
      %287 = "stable_mosaic.arith.truncf"(%286) : (vector<128x128xf32>) -> vector<128x128xbf16>
      %288 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %289 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %290 = "stable_mosaic.arith.constant"() {value = 0 : index} : () -> index
      %291 = "stable_mosaic.vector.load"(%arg30, %288, %289, %290) : (memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> vector<1x128x128xbf16>
      %292 = "stable_mosaic.vector.shape_cast"(%291) : (vector<1x128x128xbf16>) -> vector<128x128xbf16>
      %293 = "stable_mosaic.vector.shape_cast"(%287) : (vector<128x128xbf16>) -> vector<1x128x128xbf16>
      "stable_mosaic.tpu.vector_store"(%293, %arg30, %288, %289, %290) {add = false, operandSegmentSizes = array<i32: 1, 1, 3, 0>, strides = array<i32>} : (vector<1x128x128xbf16>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, index, index, index) -> ()
      "stable_mosaic.scf.yield"() : () -> ()
    }, {
      "stable_mosaic.scf.yield"() : () -> ()
    }) : (i1) -> ()
    "stable_mosaic.func.return"() : () -> ()
  }) {dimension_semantics = [#tpu.dimension_semantics<parallel>, #tpu.dimension_semantics<arbitrary>, #tpu.dimension_semantics<arbitrary>, #tpu.dimension_semantics<arbitrary>], function_type = (i32, i32, i32, i32, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<2x512x128xbf16, #tpu.memory_space<any>>, memref<2x512x128xbf16, #tpu.memory_space<any>>, memref<2x4x2x128xf32, #tpu.memory_space<any>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<1x128x128xbf16, #tpu.memory_space<vmem>>, memref<2x128x128xbf16, #tpu.memory_space<vmem>>, memref<2x128x128xbf16, #tpu.memory_space<vmem>>, memref<2x2x128xf32, #tpu.memory_space<vmem>>, memref<128x128xf32, #tpu.memory_space<vmem>>, memref<128x128xf32, #tpu.memory_space<vmem>>, memref<4x128x128xf32, #tpu.memory_space<vmem>>, memref<3x2x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<2x3x!tpu.dma_semaphore, #tpu.memory_space<semaphore_mem>>, memref<7xi32, #tpu.memory_space<smem>>) -> (), iteration_bounds = array<i64: 2, 1, 4, 1>, scalar_prefetch = 0 : i64, scratch_operands = 9 : i64, sym_name = "kernel", tpu.core_type = #tpu.core_type<tc>, window_params = [{transform_indices = @transform_0, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_1, window_bounds = array<i64: 1, 128, 128>}, {}, {}, {}, {transform_indices = @transform_5, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_6, window_bounds = array<i64: 1, 128, 128>}, {transform_indices = @transform_7, window_bounds = array<i64: 1, 128, 128>}]} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg16: i32, %arg17: i32, %arg18: i32, %arg19: i32):
    %23 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %24 = "stable_mosaic.arith.muli"(%arg16, %23) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %25 = "stable_mosaic.arith.addi"(%24, %arg17) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %26 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %27 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%25, %arg18, %26) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, i32) -> (i32, i32, i32), sym_name = "transform_0"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg12: i32, %arg13: i32, %arg14: i32, %arg15: i32):
    %18 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %19 = "stable_mosaic.arith.muli"(%arg12, %18) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %20 = "stable_mosaic.arith.addi"(%19, %arg13) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %21 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %22 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%20, %arg14, %21) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, i32) -> (i32, i32, i32), sym_name = "transform_1"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg8: i32, %arg9: i32, %arg10: i32, %arg11: i32):
    %13 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %14 = "stable_mosaic.arith.muli"(%arg8, %13) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %15 = "stable_mosaic.arith.addi"(%14, %arg9) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %16 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %17 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%15, %arg10, %16) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, i32) -> (i32, i32, i32), sym_name = "transform_5"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg4: i32, %arg5: i32, %arg6: i32, %arg7: i32):
    %8 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %9 = "stable_mosaic.arith.muli"(%arg4, %8) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %10 = "stable_mosaic.arith.addi"(%9, %arg5) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %11 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %12 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%10, %arg6, %11) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, i32) -> (i32, i32, i32), sym_name = "transform_6"} : () -> ()
  "stable_mosaic.func.func"() ({
  ^bb0(%arg0: i32, %arg1: i32, %arg2: i32, %arg3: i32):
    %0 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %1 = "stable_mosaic.arith.muli"(%arg0, %0) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %2 = "stable_mosaic.arith.addi"(%1, %arg1) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %3 = "stable_mosaic.arith.constant"() {value = 1 : i32} : () -> i32
    %4 = "stable_mosaic.arith.muli"(%2, %3) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %5 = "stable_mosaic.arith.addi"(%4, %arg3) {overflowFlags = #arith.overflow<none>} : (i32, i32) -> i32
    %6 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    %7 = "stable_mosaic.arith.constant"() {value = 0 : i32} : () -> i32
    "stable_mosaic.func.return"(%5, %arg2, %6) : (i32, i32, i32) -> ()
  }) {function_type = (i32, i32, i32, i32) -> (i32, i32, i32), sym_name = "transform_7"} : () -> ()
}) {stable_mosaic.version = 15 : i64} : () -> ()
