// Reads a mask from words that may be anything at all: what passes here is safe to look things up in, without a bound being tested again.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "attention_mask.h"

namespace attention {
namespace {

std::string text(int64_t n) { return std::to_string(n); }

class Reader {
 public:
  Reader(const char* name, Words words) : name_(name), words_(words) {}

  bool is_at_end() const { return next_ == words_.count; }

  int64_t word(const char* what) {
    if (is_at_end()) fail(std::string(what) + " comes next", "no more words");
    return words_.at[next_++];
  }

  // A word of which there is a rule.
  int64_t word(const char* what, int64_t low, int64_t high) {
    const int64_t got = word(what);
    if (got < low || got > high) {
      next_--;
      fail(std::string(what) + " is from " + text(low) + " to " + text(high), text(got));
    }
    return got;
  }

  // How many things come next, each of which takes so many words or more: never a count too large to make room for.
  size_t count(const char* what, int64_t low, size_t words_each) {
    const int64_t got = word(what);
    if (got < low || static_cast<uint64_t>(got) > (words_.count - next_) / words_each)
      fail(std::string(what) + " is " + text(low) + " or more, and their words follow", text(got));
    return static_cast<size_t>(got);
  }

  [[noreturn]] void fail(const std::string& rule, const std::string& got) const {
    throw std::invalid_argument(std::string(name_) + ": " + rule + "; got " + got + " at word " + std::to_string(next_));
  }

 private:
  const char* name_;
  Words words_;
  size_t next_ = 0;
};

std::string text(const Interval& interval, const Strip& strip) {
  const auto at = [&](int64_t row) {
    return "keys [" + text(interval.low.at(row)) + ", " + text(interval.high.at(row)) + ") of row " + text(row);
  };
  return at(strip.start) + ", " + at(strip.end - 1);
}

// A bound is a key or one past the last in every row, so its base is no further off than this.
Bound read_bound(Reader& words, int64_t queries, int64_t keys) {
  const int64_t slope = words.word("a bound's slope", 0, 1);
  return {slope, words.word("a bound's base", -queries, keys)};
}

Strip read_strip(Reader& words, Part* part, int64_t queries, int64_t keys) {
  Strip strip;
  const int64_t start = part->strips.empty() ? 0 : part->strips.back().end;
  strip.start = words.word("a strip's start, after the strip before,", start, start);
  strip.end = words.word("the end of a strip", start + 1, queries);
  const size_t count = words.count("the number of a strip's intervals", 0, 4);
  strip.first = part->intervals.size();
  for (size_t n = 0; n < count; n++) {
    const Bound low = read_bound(words, queries, keys);
    const Interval interval{low, read_bound(words, queries, keys)};
    // Bounds are straight lines: what holds in the first and the last row holds in all.
    for (const int64_t row : {strip.start, strip.end - 1}) {
      const int64_t from = n == 0 ? 0 : part->intervals.back().high.at(row);
      if (!(from <= interval.low.at(row) && interval.low.at(row) < interval.high.at(row) && interval.high.at(row) <= keys))
        words.fail("a strip's intervals are ordered, disjoint, not empty and within " + text(keys) + " keys", text(interval, strip));
    }
    part->intervals.push_back(interval);
  }
  strip.last = part->intervals.size();
  return strip;
}

Part read_part(Reader& words, int64_t modulus, int64_t queries, int64_t keys) {
  Part part;
  part.modulus = modulus;
  part.residues.resize(words.count("the number of a part's residues", 1, 1));
  int64_t least = 0;
  for (int64_t& residue : part.residues) {
    residue = words.word("a residue, after the one before and below the modulus,", least, modulus - 1);
    least = residue + 1;
  }
  part.segments = static_cast<int>(words.word("segments", kAny, 1));
  part.lengths = static_cast<int>(words.word("lengths", kAny, 1));
  const size_t strips = words.count("the number of a part's strips", 0, 3);
  part.strips.reserve(strips);
  for (size_t n = 0; n < strips; n++) part.strips.push_back(read_strip(words, &part, queries, keys));
  const int64_t end = part.strips.empty() ? 0 : part.strips.back().end;
  if (end != queries) words.fail("a part's strips have all " + text(queries) + " rows", text(end));
  return part;
}

Plane read_plane(Reader& words, int64_t queries, int64_t keys) {
  // Room to calculate with, and what a caller's double says exactly.
  const int64_t modulus = words.word("a modulus", 1, int64_t{1} << 53);
  Plane plane;
  std::vector<int64_t> cases;  // residue, whether ids are equal, whether the key is below the length: one number for the three
  for (size_t count = words.count("the number of a plane's parts", 0, 4); plane.size() < count;) {
    Part part = read_part(words, modulus, queries, keys);
    for (const int64_t residue : part.residues)
      for (const int segments : {0, 1})
        for (const int lengths : {0, 1})
          if ((part.segments == kAny || part.segments == segments) && (part.lengths == kAny || part.lengths == lengths))
            cases.push_back(4 * residue + 2 * segments + lengths);
    if (static_cast<int64_t>(part.residues.size()) == modulus) part.residues.clear();
    plane.push_back(std::move(part));
  }
  std::sort(cases.begin(), cases.end());
  const auto twice = std::adjacent_find(cases.begin(), cases.end());
  if (twice != cases.end())
    words.fail("the conditions of two parts exclude each other", "two for residue " + text(*twice / 4) + " of " + text(modulus));
  return plane;
}

}  // namespace

Mask read_mask(Words planes, Words head_planes, int64_t heads, int64_t queries, int64_t keys) {
  Mask mask;
  Reader words("planes", planes);
  for (size_t count = words.count("the number of planes", 1, 2); mask.planes.size() < count;)
    mask.planes.push_back(read_plane(words, queries, keys));
  if (!words.is_at_end()) words.fail("the planes are all there is", "more");
  for (const Plane& plane : mask.planes)
    for (const Part& part : plane) {
      mask.has_segments |= part.segments != kAny;
      mask.has_lengths |= part.lengths != kAny;
    }

  Reader numbers("head_planes", head_planes);
  while (!numbers.is_at_end())
    mask.plane_of_head.push_back(
        static_cast<size_t>(numbers.word("the number of a head's plane", 0, static_cast<int64_t>(mask.planes.size()) - 1)));
  if (mask.plane_of_head.size() != 1 && static_cast<int64_t>(mask.plane_of_head.size()) != heads)
    throw std::invalid_argument("head_planes: there is one, or one for each of " + text(heads) + " heads; got " +
                                std::to_string(mask.plane_of_head.size()));
  return mask;
}

}  // namespace attention
