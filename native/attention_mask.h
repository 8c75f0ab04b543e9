// Which pairs of a query and a key attend, in closed form: nothing here grows with queries x keys, and what a task asks of a mask takes as
// long as the part of it that the task's rows see. Knows neither Node nor XLA, and no vectors: a kernel asks for runs of keys to visit and,
// where a block of pairs is not allowed as a whole, for the pieces that it is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attention {

// The key slope * i + base for row i; the slope is 0 or 1.
struct Bound {
  int64_t slope, base;
  int64_t at(int64_t row) const { return slope * row + base; }
};

// Row i attends to the keys [low.at(i), high.at(i)).
struct Interval {
  Bound low, high;
};

// Rows [start, end) have the intervals [first, last) of the part, ordered and disjoint, each with a key in every row.
struct Strip {
  int64_t start, end;
  size_t first, last;
};

constexpr int kAny = -1;

// Row i attends to key j where (j - i) mod modulus is one of the residues, an interval of the row's strip has j, and these hold:
struct Part {
  int64_t modulus;
  std::vector<int64_t> residues;  // ascending; none where all are allowed
  int segments;                   // kAny, or 1 where the ids of row and key are equal, or 0 where they differ
  int lengths;                    // kAny, or 1 where the key is below its sequence's length, or 0 where it is not
  std::vector<Strip> strips;      // in order; together they have all rows
  std::vector<Interval> intervals;
};

// What some part allows. No pair is allowed by two.
using Plane = std::vector<Part>;

struct Mask {
  std::vector<Plane> planes;
  std::vector<size_t> plane_of_head;  // for each query head, or one for all
  bool has_segments = false, has_lengths = false;

  const Plane& plane(int64_t head) const { return planes[plane_number(head)]; }
  size_t plane_number(int64_t head) const { return plane_of_head[plane_of_head.size() == 1 ? 0 : static_cast<size_t>(head)]; }
};

// Words as they lie in memory.
struct Words {
  const int64_t* at;
  size_t count;
};

// Reads a mask from its planes and each head's plane. ffi.h has the format. Throws std::invalid_argument with the rule that is broken.
Mask read_mask(Words planes, Words head_planes, int64_t heads, int64_t queries, int64_t keys);

// Ids, both ends included.
struct IdRange {
  int32_t low, high;
  bool meets(IdRange other) const { return low <= other.high && other.low <= high; }
};

IdRange range_of(const int32_t* ids, int64_t count);

// The ranges of the ids of each block of kKeyBlock keys, of two blocks, of four and so on: keys whose ids are far from a row's are skipped
// in a few steps where ids are sorted, and soundly where they are not.
class IdPyramid {
 public:
  IdPyramid(const int32_t* ids, int64_t keys);
  IdRange at(int64_t block) const { return levels_[0][static_cast<size_t>(block)]; }
  // The first block from `block` on whose range meets `range`, or the number of blocks.
  int64_t next(int64_t block, IdRange range) const;

 private:
  std::vector<std::vector<IdRange>> levels_;
};

// Rows [first, last] and, in a mask with segments, their ids' range.
struct Rows {
  int64_t first, last;
  IdRange ids;
};

// Keys [begin, end).
struct Keys {
  int64_t begin, end;
};

// A plane as one sequence sees it. The pointers are null where the mask has no segments.
struct View {
  const Plane* plane;
  int64_t keys;
  int64_t length;  // of the sequence, 0 to keys
  const int32_t* q_segments;
  const int32_t* kv_segments;
  const IdPyramid* kv_ids;

  Rows rows(int64_t first, int64_t last) const;
  // The first keys from `key` on that some of the rows may attend to, with no gap between them; more may follow at once. Both are `keys`
  // where there are none.
  Keys next(const Rows& rows, int64_t key) const;
};

// Within rows and keys that were asked for: the rows [first, last] attend to what `interval` has of `keys`, each key of which is some
// row's, where the tests that are still asked for hold.
struct Piece {
  int64_t first, last;
  Keys keys;
  Interval interval;
  const Part* part;
  bool asks_residues, asks_segments;

  // Whether every pair of the rows and keys is allowed.
  bool whole() const {
    return !asks_residues && !asks_segments && interval.low.at(last) <= keys.begin && interval.high.at(first) >= keys.end;
  }
};

// The pieces that make up what rows may attend to of some keys, at most kKeyBlock of them, and of one block of kKeyBlock of them in a mask
// with segments. No two have a pair in common.
class Pieces {
 public:
  Pieces(const View& view, const Rows& rows, Keys keys);
  bool next(Piece* piece);

 private:
  void enter_part();
  void enter_strip();

  const View& view_;
  const Rows& rows_;
  const Keys asked_;
  Plane::const_iterator part_;
  std::vector<Strip>::const_iterator strip_;
  size_t interval_;
  Piece piece_;
};

// on[n] = whether the diagonal j - i = start + step * n has one of the part's residues, -1 or 0, for n below `count`; the step is 1 or -1.
void mark_diagonals(const Part& part, int64_t start, int step, int64_t count, int32_t* on);

}  // namespace attention
