#include "ufp/dump_reader.hpp"

#include "dump_scan.hpp"
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

constexpr int skipped = -1, identity = -2;

bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

const char *skip_blanks(const char *p)
{
  while (is_blank(*p)) ++p;
  return p;
}

const char *skip_word(const char *p)
{
  while (!is_blank(*p) && *p != '\n') ++p;
  return p;
}

}  // namespace

DumpFile::DumpFile(std::string path) : path_(std::move(path)), source_(open_bytes(path_))
{
  DumpScan(*this).run(*source_);
}

const DumpFrame &DumpFile::load(std::size_t frame)
{
  const DumpFrame &entry = frames_.at(frame);
  if (loaded_ == frame) return entry;
  loaded_ = static_cast<std::size_t>(-1);
  text_.resize(static_cast<std::size_t>(entry.size));
  if (source_->read(entry.offset, text_.data(), text_.size()) != text_.size()) {
    throw ParseError(path_, 0, "is shorter than when it was opened; open it again");
  }
  loaded_ = frame;
  return entry;
}

void DumpFile::refuse(const DumpFrame &frame, const char *where, const std::string &message)
{
  std::uint64_t stop = frame.offset + static_cast<std::uint64_t>(where - text_.data());
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
  const std::string &style = box_styles_[entry.box_style];
  const std::vector<std::string> style_words = words(style);
  DumpBox box;
  box.general = style.compare(0, 3, "abc") == 0;
  const bool tilted = style.compare(0, 2, "xy") == 0;
  const std::size_t per_line = box.general ? 4 : tilted ? 3 : 2;

  double rows[3][4] = {};
  const char *p = text_.data() + entry.box;
  for (auto &row : rows) {
    for (std::size_t i = 0; i < per_line; ++i) {
      p = skip_blanks(p);
      const char *const after = *p == '\n' ? nullptr : parse_number(p, text_.data() + text_.size(), row[i]);
      if (after == nullptr || !std::isfinite(row[i])) {
        refuse(entry, p, "expected " + std::to_string(per_line) + " numbers of the box, found fewer");
      }
      p = after;
    }
    p = static_cast<const char *>(std::memchr(p, '\n', static_cast<std::size_t>(text_.data() + text_.size() - p))) + 1;
  }

  // three words such as "pp" end the style; old files have none and are periodic
  const std::size_t boundaries = style_words.size() >= 3 ? style_words.size() - 3 : 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    box.periodic[axis] =
        style_words.size() < 3 || style_words[boundaries + axis][0] == 'p' || style_words.back() == "yz";
  }
  if (box.general) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) box.cell[3 * i + j] = rows[i][j];
      box.origin[i] = rows[i][3];
    }
    return box;
  }
  // the bounds are those of the box around the parallelepiped (LAMMPS manual, Howto_triclinic)
  const double xy = rows[0][2], xz = rows[1][2], yz = rows[2][2];
  const double xlo = rows[0][0] - std::min({0.0, xy, xz, xy + xz}), xhi = rows[0][1] - std::max({0.0, xy, xz, xy + xz});
  const double ylo = rows[1][0] - std::min(0.0, yz), yhi = rows[1][1] - std::max(0.0, yz);
  box.cell = {xhi - xlo, 0, 0, xy, yhi - ylo, 0, xz, yz, rows[2][1] - rows[2][0]};
  box.origin = {xlo, ylo, rows[2][0]};
  return box;
}

// What to do with each column of the file: its place in the result, `identity`, or `skipped`.
std::vector<int> DumpFile::places(const DumpFrame &frame, const std::vector<std::string> &columns) const
{
  const std::vector<std::string> &present = column_lists_[frame.columns];
  std::vector<int> place(present.size(), skipped);
  for (std::size_t i = 0; i < present.size(); ++i) {
    if (present[i] == "id") place[i] = identity;
  }
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const auto found = std::find(present.begin(), present.end(), columns[j]);
    if (found == present.end()) {
      throw DomainError(path_ + ": step " + std::to_string(frame.step) + " has no column '" + columns[j] + "'");
    }
    place[static_cast<std::size_t>(found - present.begin())] = static_cast<int>(j);
  }
  return place;
}

// Ranks the rows of the file by id; the ranks of the previous frame serve as long as the order is the same.
void DumpFile::sort(const DumpFrame &frame)
{
  if (file_ids_ == sorted_ids_) return;
  const std::size_t count = file_ids_.size();
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return file_ids_[a] < file_ids_[b]; });
  rank_.resize(count);
  ranked_ids_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    rank_[order[i]] = i;
    ranked_ids_[i] = file_ids_[order[i]];
    if (i > 0 && ranked_ids_[i] == ranked_ids_[i - 1]) {
      sorted_ids_.clear();
      throw DomainError(path_ + ": step " + std::to_string(frame.step) + ": atom id " + std::to_string(ranked_ids_[i]) +
                        " appears twice");
    }
  }
  sorted_ids_ = file_ids_;
}

void DumpFile::read(std::size_t frame, const std::vector<std::string> &columns, std::int64_t *ids, double *values)
{
  const DumpFrame &entry = load(frame);
  const std::vector<int> place = places(entry, columns);
  const std::size_t count = static_cast<std::size_t>(entry.count), width = columns.size();
  std::size_t needed = place.size();
  while (needed > 0 && place[needed - 1] == skipped) --needed;

  file_ids_.resize(count);
  rows_.resize(count * width);
  const char *p = text_.data() + entry.atoms;
  const char *const end = text_.data() + text_.size();
  for (std::size_t row = 0; row < count; ++row) {
    double *const out = rows_.data() + row * width;
    file_ids_[row] = static_cast<std::int64_t>(row + 1);
    int not_finite = skipped;
    for (std::size_t column = 0; column < needed; ++column) {
      p = skip_blanks(p);
      if (*p == '\n') {
        refuse(entry, p, "expected " + std::to_string(place.size()) + " columns, found " + std::to_string(column));
      }
      if (place[column] == skipped) {
        p = skip_word(p);
        continue;
      }
      double value = 0;
      const char *const after = parse_number(p, end, value);
      if (after == nullptr || !(is_blank(*after) || *after == '\n')) {
        refuse(entry, p,
               "expected a number in column '" + column_lists_[entry.columns][column] + "', found '" +
                   std::string(p, skip_word(p)) + "'");
      }
      p = after;
      if (place[column] == identity) {
        file_ids_[row] = static_cast<std::int64_t>(value);
        continue;
      }
      out[place[column]] = value;
      if (!std::isfinite(value)) not_finite = static_cast<int>(column);
    }
    if (needed == place.size()) {
      p = skip_blanks(p);
      if (*p != '\n') {
        refuse(entry, p, "expected " + std::to_string(place.size()) + " columns, found more");
      }
    } else {
      p = static_cast<const char *>(std::memchr(p, '\n', static_cast<std::size_t>(end - p)));
    }
    ++p;
    if (not_finite != skipped) {
      throw DomainError(path_ + ": step " + std::to_string(entry.step) + ", atom " + std::to_string(file_ids_[row]) +
                        ": '" + column_lists_[entry.columns][static_cast<std::size_t>(not_finite)] +
                        "' is not a finite number");
    }
  }

  sort(entry);
  for (std::size_t row = 0; row < count; ++row) {
    std::copy_n(rows_.data() + row * width, width, values + rank_[row] * width);
  }
  std::copy(ranked_ids_.begin(), ranked_ids_.end(), ids);
}

std::vector<std::string> DumpFile::read_text(std::size_t frame, const std::string &column)
{
  const DumpFrame &entry = load(frame);
  const std::vector<int> place = places(entry, {column});
  const std::size_t count = static_cast<std::size_t>(entry.count);
  file_ids_.resize(count);
  std::vector<std::string> found(count), result(count);
  const char *p = text_.data() + entry.atoms;
  for (std::size_t row = 0; row < count; ++row) {
    file_ids_[row] = static_cast<std::int64_t>(row + 1);
    for (std::size_t i = 0; i < place.size(); ++i) {
      p = skip_blanks(p);
      const char *const after = skip_word(p);
      if (after == p) {
        refuse(entry, p, "expected " + std::to_string(place.size()) + " columns, found " + std::to_string(i));
      }
      if (place[i] == identity) {
        double id = 0;
        if (parse_number(p, after, id) != after) {
          refuse(entry, p, "expected an atom id, found '" + std::string(p, after) + "'");
        }
        file_ids_[row] = static_cast<std::int64_t>(id);
      } else if (place[i] != skipped) {
        found[row].assign(p, after);
      }
      p = after;
    }
    p = skip_blanks(p);
    if (*p != '\n') refuse(entry, p, "expected " + std::to_string(place.size()) + " columns, found more");
    ++p;
  }
  sort(entry);
  for (std::size_t row = 0; row < count; ++row) result[rank_[row]] = std::move(found[row]);
  return result;
}

}  // namespace ufp
