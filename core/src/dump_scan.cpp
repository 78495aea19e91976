#include "dump_scan.hpp"

#include "ufp/parse_number.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace ufp
{
namespace
{

std::size_t find_item(std::string_view line)
{
  // a header that follows a cut line without a newline starts inside that line
  const void *const colon = std::memchr(line.data(), ':', line.size());
  if (colon == nullptr) return std::string_view::npos;
  return line.rfind("ITEM:");
}

bool parse_integer(std::string_view text, std::int64_t &value)
{
  text = trimmed(text);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

template <typename T> std::uint32_t place_of(std::vector<T> &list, const T &value)
{
  const auto found = std::find(list.begin(), list.end(), value);
  if (found != list.end()) return static_cast<std::uint32_t>(found - list.begin());
  list.push_back(value);
  return static_cast<std::uint32_t>(list.size() - 1);
}

}  // namespace

void DumpScan::run(ByteSource &source)
{
  if (index_.cut) index_.damage.pop_back();
  index_.cut = false;
  LineReader lines(source, index_.scanned);
  std::string_view line;
  for (;;) {
    if (section_ == Section::atoms && rows_ < frame_.count) {
      const std::size_t passed = lines.pass(static_cast<std::size_t>(frame_.count - rows_));
      if (passed > 0) rows(passed, lines.position());
    }
    if (!lines.next(line)) break;
    if ((complete() || !open_) && trimmed(line).empty()) continue;
    if (lines.cut()) {  // what it is will show when the rest is there
      stray(lines.offset());
      break;
    }
    const std::size_t item = find_item(line);
    if (item == std::string_view::npos) {
      data(line, lines.offset(), lines.position());
    } else {
      if (item > 0) stray(lines.offset());
      header(trimmed(line.substr(item + 5)), lines.offset() + item, lines.position());
    }
    if (!lines.terminated()) bad_ = true;
  }
  const bool cut = open_ && !complete();
  finish();
  index_.cut = cut;
}

// A section that comes twice in a frame damages it.
void DumpScan::once(bool &seen)
{
  if (seen) bad_ = true;
  seen = true;
}

void DumpScan::header(std::string_view name, std::uint64_t offset, std::uint64_t next)
{
  const auto starts_with = [name](std::string_view start) { return name.substr(0, start.size()) == start; };
  const bool units = starts_with("UNITS"), time = starts_with("TIME") && !starts_with("TIMESTEP"),
             step = starts_with("TIMESTEP");
  const bool again = seen_step_ || (time && seen_time_) || (units && seen_units_);
  if (complete() || ((units || time || step) && (again || bad_))) finish();
  if (!open_) begin(offset);
  if (units) {
    section_ = Section::units;
    seen_units_ = true;
  } else if (time) {
    section_ = Section::time;
    seen_time_ = true;
  } else if (step) {
    section_ = Section::step;
    seen_step_ = true;
  } else if (starts_with("NUMBER OF ATOMS")) {
    section_ = Section::count;
    once(seen_count_);
  } else if (starts_with("BOX BOUNDS")) {
    section_ = Section::box;
    once(seen_box_);
    frame_.box_style = place_of(index_.box_styles, std::string(trimmed(name.substr(10))));
    frame_.box = next - frame_.offset;
  } else if (starts_with("ATOMS")) {
    section_ = Section::atoms;
    once(seen_atoms_);
    frame_.columns = place_of(index_.column_lists, words(name.substr(5)));
    frame_.atoms = next - frame_.offset;
    frame_.size = frame_.atoms;
    // rows are counted against the number of atoms, which must come first
    if (!known_count_ || frame_.count < 0) bad_ = true;
  } else {
    if (section_ == Section::atoms) bad_ = true;
    section_ = Section::other;
  }
  rows_ = 0;
}

void DumpScan::rows(std::uint64_t number, std::uint64_t next)
{
  rows_ += static_cast<std::int64_t>(number);
  frame_.size = next - frame_.offset;
}

void DumpScan::data(std::string_view line, std::uint64_t offset, std::uint64_t next)
{
  if (!open_ || complete()) {
    stray(offset);
    return;
  }
  if (section_ == Section::atoms || section_ == Section::other) {
    if (section_ == Section::atoms) rows(1, next);
    return;
  }
  ++rows_;
  const std::int64_t expected = section_ == Section::box ? 3 : 1;
  bool good = section_ != Section::none && rows_ <= expected;
  if (good && section_ == Section::step) {
    good = known_step_ = parse_integer(line, frame_.step);
  } else if (good && section_ == Section::count) {
    good = known_count_ = parse_integer(line, frame_.count);
  } else if (good && section_ == Section::time) {
    const std::string_view text = trimmed(line);
    good = parse_number(text.data(), text.data() + text.size(), frame_.time) == text.data() + text.size();
  } else if (good && section_ == Section::units) {
    place_of(index_.units, std::string(trimmed(line)));
  } else if (good && section_ == Section::box) {
    known_box_ = rows_ == 3;
  }
  if (!good) bad_ = true;
}

bool DumpScan::complete() const
{
  return open_ && !bad_ && known_step_ && known_count_ && known_box_ && section_ == Section::atoms &&
         rows_ == frame_.count;
}

void DumpScan::begin(std::uint64_t offset)
{
  open_ = true;
  frame_ = DumpFrame();
  frame_.offset = offset;
  frame_.time = std::numeric_limits<double>::quiet_NaN();
}

// Text that belongs nowhere: it damages an incomplete frame but not the complete one before it.
void DumpScan::stray(std::uint64_t offset)
{
  if (complete()) finish();
  if (!open_) begin(offset);
  bad_ = true;
}

void DumpScan::finish()
{
  if (complete()) {
    index_.frames.push_back(frame_);
    index_.scanned = frame_.offset + frame_.size;
  } else if (open_) {
    index_.damage.push_back({frame_.offset, known_step_ ? frame_.step : -1});
    index_.scanned = frame_.offset;
  }
  section_ = Section::none;
  open_ = bad_ = seen_units_ = seen_time_ = seen_step_ = seen_count_ = seen_box_ = seen_atoms_ = false;
  known_step_ = known_count_ = known_box_ = false;
  rows_ = 0;
}

}  // namespace ufp
