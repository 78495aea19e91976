#include "dump_scan.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "ufp/parse_number.hpp"

namespace ufp
{
namespace
{

std::size_t find_item(std::string_view line)
{
  // a header that follows a cut line without a newline starts inside that line
  const char *const colon = static_cast<const char *>(std::memchr(line.data(), ':', line.size()));
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

std::string_view trimmed(std::string_view text)
{
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> words(std::string_view text)
{
  std::vector<std::string> found;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    const std::size_t length = std::min(text.find_first_of(" \t"), text.size());
    found.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return found;
}

bool LineReader::next(std::string_view &line)
{
  std::size_t searched = 0;
  for (;;) {
    const char *const begin = buffer_.data() + begin_;
    const std::size_t available = end_ - begin_;
    const void *const newline = std::memchr(begin + searched, '\n', available - searched);
    if (newline != nullptr || (at_end_ && available > 0)) {
      terminated_ = newline != nullptr;
      const std::size_t length =
          terminated_ ? static_cast<std::size_t>(static_cast<const char *>(newline) - begin) : available;
      line = std::string_view(begin, length);
      line_ = base_ + begin_;
      begin_ += length + (terminated_ ? 1 : 0);
      return true;
    }
    if (at_end_) return false;
    searched = available;
    refill();
  }
}

void LineReader::refill()
{
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  base_ += begin_;
  end_ -= begin_;
  begin_ = 0;
  if (end_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
  const std::size_t wanted = buffer_.size() - end_;
  const std::size_t got = source_.read(base_ + end_, buffer_.data() + end_, wanted);
  end_ += got;
  at_end_ = got < wanted;
}

void DumpScan::run(ByteSource &source)
{
  LineReader lines(source);
  std::string_view line;
  while (lines.next(line)) {
    if (complete() && trimmed(line).empty()) continue;
    const std::size_t item = find_item(line);
    if (item == std::string_view::npos) {
      data(line, lines.offset(), lines.position());
    } else {
      if (item > 0) stray(lines.offset());
      header(trimmed(line.substr(item + 5)), lines.offset() + item, lines.position());
    }
    if (!lines.terminated()) bad_ = true;
  }
  finish();
}

void DumpScan::header(std::string_view name, std::uint64_t offset, std::uint64_t next)
{
  const auto starts_with = [name](std::string_view start) { return name.substr(0, start.size()) == start; };
  const bool units = starts_with("UNITS"), time = starts_with("TIME") && !starts_with("TIMESTEP"),
             step = starts_with("TIMESTEP");
  const bool again = seen_step_ || (time && seen_time_) || (units && seen_units_);
  if ((units || time || step) && (again || bad_)) finish();
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
  } else if (starts_with("BOX BOUNDS")) {
    section_ = Section::box;
    frame_.box_style = place_of(file_.box_styles_, std::string(trimmed(name.substr(10))));
    frame_.box = next - frame_.offset;
  } else if (starts_with("ATOMS")) {
    section_ = Section::atoms;
    frame_.columns = place_of(file_.column_lists_, words(name.substr(5)));
    frame_.atoms = next - frame_.offset;
    frame_.size = frame_.atoms;
  } else {
    stray(offset);
    section_ = Section::none;
  }
  rows_ = 0;
}

void DumpScan::data(std::string_view line, std::uint64_t offset, std::uint64_t next)
{
  if (!open_ || complete()) {
    stray(offset);
    return;
  }
  if (section_ == Section::atoms) {
    ++rows_;
    frame_.size = next - frame_.offset;
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
    place_of(file_.units_, std::string(trimmed(line)));
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
    file_.frames_.push_back(frame_);
  } else if (open_) {
    file_.damage_.push_back({frame_.offset, known_step_ ? frame_.step : -1});
  }
  section_ = Section::none;
  open_ = bad_ = seen_units_ = seen_time_ = seen_step_ = known_step_ = known_count_ = known_box_ = false;
  rows_ = 0;
}

}  // namespace ufp
