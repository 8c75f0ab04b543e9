#include "attention_mask.h"

#include <algorithm>

#include "attention_kernel.h"

namespace attention {
namespace {

// Rows [first, last] of a strip.
struct StripRows {
  int64_t first, last;
  StripRows(const Strip& strip, const Rows& rows) : first(std::max(strip.start, rows.first)), last(std::min(strip.end - 1, rows.last)) {}
};

// The strip that has a row.
std::vector<Strip>::const_iterator strip_at(const Part& part, int64_t row) {
  return std::partition_point(part.strips.begin(), part.strips.end(), [row](const Strip& strip) { return strip.end <= row; });
}

// The first of a strip's intervals that has a key from `key` on for some row up to `last`. Neither end of an interval falls with the row.
size_t interval_at(const Part& part, const Strip& strip, int64_t last, int64_t key) {
  const auto begin = part.intervals.begin() + static_cast<ptrdiff_t>(strip.first);
  const auto end = part.intervals.begin() + static_cast<ptrdiff_t>(strip.last);
  const auto found = std::partition_point(begin, end, [&](const Interval& interval) { return interval.high.at(last) <= key; });
  return static_cast<size_t>(found - part.intervals.begin());
}

// A diagonal j - i from `from` on with one of the part's residues, and the residue.
struct Diagonal {
  int64_t at;
  std::vector<int64_t>::const_iterator residue;
};

Diagonal next_diagonal(const Part& part, int64_t from) {
  const int64_t here = (from % part.modulus + part.modulus) % part.modulus;
  const auto residue = std::lower_bound(part.residues.begin(), part.residues.end(), here);
  if (residue != part.residues.end()) return {from + *residue - here, residue};
  return {from + part.modulus - here + part.residues.front(), part.residues.begin()};
}

Keys block_keys(int64_t block) { return {block * kKeyBlock, (block + 1) * kKeyBlock}; }

bool is_one_id(IdRange a, IdRange b) { return a.low == a.high && b.low == b.high && a.low == b.low; }

// What a part's intervals leave from `key` on. Where they have the key, the run from it; elsewhere only the beginning counts.
Keys run_of_intervals(const Part& part, const Rows& rows, int64_t key, int64_t keys) {
  Keys run{keys, keys};
  for (auto strip = strip_at(part, rows.first); strip != part.strips.end() && strip->start <= rows.last; ++strip) {
    const StripRows in(*strip, rows);
    const size_t n = interval_at(part, *strip, in.last, key);
    if (n == strip->last) continue;
    const Keys found{std::max(key, part.intervals[n].low.at(in.first)), part.intervals[n].high.at(in.last)};
    if (found.begin < run.begin)
      run = found;
    else if (found.begin == run.begin)
      run.end = std::max(run.end, found.end);
  }
  return run;
}

// The same for one part: each condition moves on to the first key that it does not rule out, until all agree on one.
Keys next_of_part(const View& view, const Part& part, const Rows& rows, int64_t key) {
  while (key < view.keys) {
    Keys run = run_of_intervals(part, rows, key, view.keys);
    const auto narrow = [&run](Keys to) { run = {std::max(run.begin, to.begin), std::min(run.end, to.end)}; };
    if (part.lengths == 1) narrow(key < view.length ? Keys{key, view.length} : Keys{view.keys, view.keys});
    if (part.lengths == 0) narrow({view.length, view.keys});
    if (!part.residues.empty()) {
      const int64_t diagonal = next_diagonal(part, key - rows.last).at;
      narrow({diagonal + rows.first, diagonal + rows.last + 1});
    }
    if (part.segments == 1) narrow(block_keys(view.kv_ids->next(key / kKeyBlock, rows.ids)));
    if (part.segments == 0) {
      const int64_t block = key / kKeyBlock;
      narrow(block_keys(is_one_id(view.kv_ids->at(block), rows.ids) ? block + 1 : block));
    }
    if (run.begin == key) return run;
    key = run.begin;
  }
  return {view.keys, view.keys};
}

}  // namespace

IdRange range_of(const int32_t* ids, int64_t count) {
  IdRange range{INT32_MAX, INT32_MIN};
  for (int64_t i = 0; i < count; i++) range = {std::min(range.low, ids[i]), std::max(range.high, ids[i])};
  return range;
}

IdPyramid::IdPyramid(const int32_t* ids, int64_t keys) : levels_(1) {
  for (int64_t key = 0; key < keys; key += kKeyBlock) levels_[0].push_back(range_of(ids + key, std::min(kKeyBlock, keys - key)));
  while (levels_.back().size() > 1) {
    const std::vector<IdRange>& below = levels_.back();
    std::vector<IdRange> level((below.size() + 1) / 2);
    for (size_t n = 0; n < level.size(); n++) {
      const IdRange a = below[2 * n], b = below[std::min(2 * n + 1, below.size() - 1)];
      level[n] = {std::min(a.low, b.low), std::max(a.high, b.high)};
    }
    levels_.push_back(std::move(level));
  }
}

int64_t IdPyramid::next(int64_t block, IdRange range) const {
  size_t level = 0;
  for (auto n = static_cast<size_t>(block); n < levels_[level].size();) {
    if (levels_[level][n].meets(range)) {
      if (level == 0) return static_cast<int64_t>(n);
      level--;
      n *= 2;
    } else {
      n++;
      // A pair of blocks that lies ahead as a whole is looked at as one.
      for (; n % 2 == 0 && level + 1 < levels_.size(); level++) n /= 2;
    }
  }
  return static_cast<int64_t>(levels_[0].size());
}

Rows View::rows(int64_t first, int64_t last) const {
  return {first, last, q_segments ? range_of(q_segments + first, last - first + 1) : IdRange{0, 0}};
}

Keys View::next(const Rows& rows, int64_t key) const {
  Keys run{keys, keys};
  for (const Part& part : *plane) {
    const Keys of_part = next_of_part(*this, part, rows, key);
    if (of_part.begin < run.begin) run = of_part;
  }
  return run;
}

Pieces::Pieces(const View& view, const Rows& rows, Keys keys)
    : view_(view), rows_(rows), asked_(keys), part_(view.plane->begin()), interval_(0) {
  enter_part();
}

// From part_ on, to the first part whose conditions some pair may hold.
void Pieces::enter_part() {
  for (; part_ != view_.plane->end(); ++part_) {
    piece_.part = &*part_;
    piece_.keys = asked_;
    if (part_->lengths == 1) piece_.keys.end = std::min(asked_.end, view_.length);
    if (part_->lengths == 0) piece_.keys.begin = std::max(asked_.begin, view_.length);
    if (piece_.keys.begin >= piece_.keys.end) continue;
    piece_.asks_residues = !part_->residues.empty();
    if (piece_.asks_residues && next_diagonal(*part_, piece_.keys.begin - rows_.last).at >= piece_.keys.end - rows_.first) continue;
    piece_.asks_segments = part_->segments != kAny;
    if (piece_.asks_segments) {
      const IdRange ids = view_.kv_ids->at(asked_.begin / kKeyBlock);
      const bool all_equal = is_one_id(ids, rows_.ids), all_differ = !ids.meets(rows_.ids);
      if (part_->segments == 1 ? all_differ : all_equal) continue;
      piece_.asks_segments = !all_equal && !all_differ;
    }
    strip_ = strip_at(*part_, rows_.first);
    enter_strip();
    return;
  }
}

void Pieces::enter_strip() {
  const StripRows in(*strip_, rows_);
  piece_.first = in.first;
  piece_.last = in.last;
  interval_ = interval_at(*part_, *strip_, in.last, piece_.keys.begin);
}

bool Pieces::next(Piece* piece) {
  while (part_ != view_.plane->end()) {
    if (interval_ < strip_->last) {
      *piece = piece_;
      piece->interval = part_->intervals[interval_++];
      piece->keys.begin = std::max(piece_.keys.begin, piece->interval.low.at(piece_.first));
      piece->keys.end = std::min(piece_.keys.end, piece->interval.high.at(piece_.last));
      if (piece->keys.begin < piece->keys.end) return true;
    }
    if (strip_->end <= rows_.last) {
      ++strip_;
      enter_strip();
    } else {
      ++part_;
      enter_part();
    }
  }
  return false;
}

void mark_diagonals(const Part& part, int64_t start, int step, int64_t count, int32_t* on) {
  std::fill_n(on, count, 0);
  const int64_t lowest = step > 0 ? start : start - count + 1;
  for (Diagonal diagonal = next_diagonal(part, lowest); diagonal.at < lowest + count;) {
    on[(diagonal.at - start) * step] = -1;
    const int64_t residue = *diagonal.residue;
    if (++diagonal.residue == part.residues.end()) {
      diagonal.residue = part.residues.begin();
      diagonal.at += part.modulus;
    }
    diagonal.at += *diagonal.residue - residue;
  }
}

}  // namespace attention
