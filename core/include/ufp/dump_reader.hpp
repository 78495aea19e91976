// LAMMPS text dumps: one scan finds every complete frame, then any frame is read into columns.
#pragma once

#include "ufp/byte_source.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ufp
{

// Where one complete frame lies and what its header says.
struct DumpFrame {
  std::uint64_t offset = 0;  // of its first header line
  std::uint64_t size = 0;    // bytes up to and with the newline of its last atom
  std::uint64_t box = 0;     // of the three lines of the box, from `offset`
  std::uint64_t atoms = 0;   // of the line of the first atom, from `offset`
  std::int64_t step = 0;
  double time = 0;              // ITEM: TIME, in the file's unit of time; NaN if absent
  std::int64_t count = 0;       // atoms
  std::uint32_t box_style = 0;  // index into DumpFile::box_styles()
  std::uint32_t columns = 0;    // index into DumpFile::column_lists()
};

// A stretch of the file that is not a complete frame.
struct DumpDamage {
  std::uint64_t offset = 0;
  std::int64_t step = -1;  // -1: cut before its step was known
};

// Rows a, b, c of the cell in Å (or the file's unit of length) and its corner, as the file orients them.
struct DumpBox {
  std::array<double, 9> cell{};
  std::array<double, 3> origin{};
  std::array<bool, 3> periodic{};
  bool general = false;  // general triclinic: a need not lie along x
};

class DumpFile
{
 public:
  // Scans the file once. Damaged or incomplete frames are left out and listed in damage().
  explicit DumpFile(std::string path);

  const std::string &path() const { return path_; }
  const std::vector<DumpFrame> &frames() const { return frames_; }
  const std::vector<DumpDamage> &damage() const { return damage_; }
  const std::vector<std::string> &box_styles() const { return box_styles_; }
  const std::vector<std::vector<std::string>> &column_lists() const { return column_lists_; }
  const std::vector<std::string> &units() const { return units_; }  // every distinct ITEM: UNITS

  DumpBox box(std::size_t frame);

  // Reads the named numeric columns of one frame, one row per atom sorted by id, into `values` (count rows) and `ids`.
  // Without a column "id" the rows keep the order of the file and the ids are 1, 2, 3 ...
  // Throws ParseError (file, line) for a row that is not as the header says, DomainError for a value that is not finite
  // and for an id that appears twice.
  void read(std::size_t frame, const std::vector<std::string> &columns, std::int64_t *ids, double *values);

  // One column of text (element names), sorted by id as in read().
  std::vector<std::string> read_text(std::size_t frame, const std::string &column);

 private:
  friend class DumpScan;

  const DumpFrame &load(std::size_t frame);
  std::vector<int> places(const DumpFrame &frame, const std::vector<std::string> &columns) const;
  void sort(const DumpFrame &frame);
  [[noreturn]] void refuse(const DumpFrame &frame, const char *where, const std::string &message);

  std::string path_;
  std::unique_ptr<ByteSource> source_;
  std::vector<DumpFrame> frames_;
  std::vector<DumpDamage> damage_;
  std::vector<std::string> box_styles_;
  std::vector<std::vector<std::string>> column_lists_;
  std::vector<std::string> units_;

  // scratch, kept between frames
  std::size_t loaded_ = static_cast<std::size_t>(-1);
  std::vector<char> text_;                // of the loaded frame
  std::vector<double> rows_;              // values in the order of the file
  std::vector<std::int64_t> file_ids_;    // in the order of the file
  std::vector<std::int64_t> sorted_ids_;  // for which `rank_` was made
  std::vector<std::size_t> rank_;         // row of the file -> row of the result
  std::vector<std::int64_t> ranked_ids_;
};

}  // namespace ufp
