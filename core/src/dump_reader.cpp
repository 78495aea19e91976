#include "ufp/dump_reader.hpp"

#include "dump_box.hpp"
#include "dump_scan.hpp"
#include "row_fields.hpp"
#include "ufp/error.hpp"
#include "ufp/parse_number.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace ufp
{
namespace
{

constexpr std::size_t padding = 64;  // behind the text of a frame, so that numbers and words may be found at once

constexpr const char *changed = "has changed since it was opened; open it again";

bool ends_word(char c)
{
  return static_cast<unsigned char>(c) <= ' ';
}

std::string word_at(const char *p)
{
  const char *after = p;
  while (!ends_word(*after)) ++after;
  return std::string(p, after);
}

// A whole number; nullptr if there is none.
const char *parse_id(const char *p, const char *end, std::int64_t &id)
{
  const std::uint64_t eight = digits::load(p);
  const int n = digits::count(eight);
  if (n > 0 && n < 8) {
    id = static_cast<std::int64_t>(digits::value(eight, n));
    return p + n;
  }
  const auto result = std::from_chars(p, end, id);
  return result.ec == std::errc() ? result.ptr : nullptr;
}

bool possible(const DumpIndex &index)
{
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  std::uint64_t behind = 0;
  for (const DumpFrame &frame : index.frames) {
    if (frame.offset < behind || frame.offset > most || frame.size > most || frame.count < 0) return false;
    behind = frame.offset + frame.size;
    if (behind > index.scanned || frame.box >= frame.size || frame.atoms > frame.size) return false;
    if (static_cast<std::uint64_t>(frame.count) > frame.size - frame.atoms) return false;
    if (frame.box_style >= index.box_styles.size() || frame.columns >= index.column_lists.size()) return false;
  }
  return !index.cut || !index.damage.empty();
}

}  // namespace

DumpFile::DumpFile(std::string path) : path_(std::move(path)), source_(open_bytes(path_))
{
  refresh();
}

DumpFile::DumpFile(std::string path, DumpIndex index)
    : path_(std::move(path)), source_(open_bytes(path_)), index_(std::move(index))
{
  if (!possible(index_)) throw DomainError(path_ + ": the index does not belong to a dump");
}

void DumpFile::refresh()
{
  DumpScan(index_).run(*source_);
}

const DumpFrame &DumpFile::load(std::size_t frame)
{
  const DumpFrame &entry = index_.frames.at(frame);
  if (loaded_ == frame) return entry;
  loaded_ = static_cast<std::size_t>(-1);
  const std::size_t size = static_cast<std::size_t>(entry.size);
  text_.resize(size + padding);
  std::fill_n(text_.data() + size, padding, '\0');
  if (source_->read(entry.offset, text_.data(), size) != size || text_[size - 1] != '\n') {
    throw ParseError(path_, 0, changed);
  }
  loaded_ = frame;
  return entry;
}

void DumpFile::refuse(const DumpFrame &frame, const char *where, const std::string &message)
{
  const std::uint64_t stop = frame.offset + static_cast<std::uint64_t>(where - text_.data());
  std::vector<char> buffer(std::size_t{1} << 20);
  long line = 1;
  for (std::uint64_t offset = 0; offset < stop;) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), stop - offset));
    const std::size_t got = source_->read(offset, buffer.data(), wanted);
    line += static_cast<long>(std::count(buffer.data(), buffer.data() + got, '\n'));
    offset += got;
    if (got < wanted) break;
  }
  throw ParseError(path_, line, message + " (step " + std::to_string(frame.step) + ")");
}

DumpBox DumpFile::box(std::size_t frame)
{
  const DumpFrame &entry = load(frame);
  DumpBox box;
  const char *const wrong =
      parse_box(index_.box_styles[entry.box_style], text_.data() + entry.box, text_.data() + entry.size, box);
  if (wrong != nullptr) refuse(entry, wrong, "expected the numbers of the box, found others");
  return box;
}

std::string DumpFile::box_text(std::size_t frame)
{
  const DumpFrame &entry = load(frame);
  const char *const begin = text_.data() + entry.box, *const end = text_.data() + entry.size;
  const char *p = begin;
  for (int line = 0; line < 3 && p != end; ++line) {
    p = static_cast<const char *>(std::memchr(p, '\n', static_cast<std::size_t>(end - p))) + 1;
  }
  return index_.box_styles[entry.box_style] + '\n' + std::string(begin, p);
}

// Places of the named columns in a row of the file.
std::vector<std::size_t> DumpFile::places(const DumpFrame &frame, const std::vector<std::string> &columns) const
{
  const std::vector<std::string> &present = index_.column_lists[frame.columns];
  std::vector<std::size_t> found;
  for (const std::string &column : columns) {
    found.push_back(static_cast<std::size_t>(std::find(present.begin(), present.end(), column) - present.begin()));
    if (found.back() == present.size()) {
      throw DomainError(path_ + ": step " + std::to_string(frame.step) + " has no column '" + column + "'");
    }
  }
  return found;
}

// Ranks the rows of the file by id.
void DumpFile::sort(const DumpFrame &frame)
{
  const std::size_t count = file_ids_.size();
  sorted_ids_.clear();
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return file_ids_[a] < file_ids_[b]; });
  rank_.resize(count);
  ranked_ids_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    rank_[order[i]] = i;
    ranked_ids_[i] = file_ids_[order[i]];
    if (i > 0 && ranked_ids_[i] == ranked_ids_[i - 1]) {
      throw DomainError(path_ + ": step " + std::to_string(frame.step) + ": atom id " + std::to_string(ranked_ids_[i]) +
                        " appears twice");
    }
  }
  sorted_ids_ = file_ids_;
}

// Finds the words of the row at `p`; returns the next row.
inline const char *DumpFile::next_row(const DumpFrame &frame, const char *p)
{
  const std::size_t expected = words_.size();
  std::size_t count = 0;
  const char *const next = find_words(p, text_.data() + frame.size, words_.data(), expected, count);
  if (next == nullptr) throw ParseError(path_, 0, changed);
  if (count != expected) {
    refuse(frame, p,
           "expected " + std::to_string(expected) + " columns, found " +
               (count > expected ? "more" : std::to_string(count)));
  }
  return next;
}

void DumpFile::refuse_word(const DumpFrame &frame, std::size_t column)
{
  const char *const word = words_[column];
  refuse(frame, word,
         "expected a number in column '" + index_.column_lists[frame.columns][column] + "', found '" + word_at(word) +
             "'");
}

// Rows to their ranks in `values`, false at the first whose id is not that of the last frame; or, not `ranked`, in the
// order of the file, whose ids they leave in `file_ids_`.
bool DumpFile::parse(const DumpFrame &frame, const std::vector<std::string> &columns, bool ranked, double *values)
{
  const std::vector<std::string> &present = index_.column_lists[frame.columns];
  const std::vector<std::size_t> place = places(frame, columns);
  const std::size_t count = static_cast<std::size_t>(frame.count), width = columns.size();
  const std::size_t id_column =
      static_cast<std::size_t>(std::find(present.begin(), present.end(), "id") - present.begin());
  const bool has_id = id_column < present.size();
  words_.resize(present.size());
  const char *const end = text_.data() + text_.size();
  const char *const *const words = words_.data();
  const char *p = text_.data() + frame.atoms;
  for (std::size_t row = 0; row < count; ++row) {
    const char *const next = next_row(frame, p);
    std::int64_t id = static_cast<std::int64_t>(row + 1);
    if (has_id) {
      const char *const after = parse_id(words[id_column], end, id);
      if (after == nullptr || !ends_word(*after)) refuse_word(frame, id_column);
    }
    if (!ranked) {
      file_ids_[row] = id;
    } else if (id != sorted_ids_[row]) {
      return false;
    }
    double *const out = values + (ranked ? rank_[row] : row) * width;
    for (std::size_t i = 0; i < width; ++i) {
      double value = 0;
      const char *const after = parse_number(words[place[i]], end, value);
      if (after == nullptr || !ends_word(*after)) refuse_word(frame, place[i]);
      if (!std::isfinite(value)) {
        throw DomainError(path_ + ": step " + std::to_string(frame.step) + ", atom " + std::to_string(id) + ": '" +
                          columns[i] + "' is not a finite number");
      }
      out[i] = value;
    }
    p = next;
  }
  return true;
}

void DumpFile::read(std::size_t frame, const std::vector<std::string> &columns, double *values)
{
  const DumpFrame &entry = load(frame);
  const std::size_t count = static_cast<std::size_t>(entry.count), width = columns.size();
  if (count > 0 && sorted_ids_.size() == count && parse(entry, columns, true, values)) return;
  file_ids_.resize(count);
  rows_.resize(count * width);
  parse(entry, columns, false, rows_.data());
  sort(entry);
  for (std::size_t row = 0; row < count; ++row) {
    std::copy_n(rows_.data() + row * width, width, values + rank_[row] * width);
  }
}

std::vector<std::string> DumpFile::read_text(std::size_t frame, const std::string &column)
{
  const DumpFrame &entry = load(frame);
  const std::size_t place = places(entry, {column}).front();
  read(frame, {}, nullptr);
  std::vector<std::string> result(static_cast<std::size_t>(entry.count));
  words_.resize(index_.column_lists[entry.columns].size());
  const char *p = text_.data() + entry.atoms;
  for (const std::size_t rank : rank_) {
    p = next_row(entry, p);
    result[rank] = word_at(words_[place]);
  }
  return result;
}

}  // namespace ufp
