// From packets to frames: parameter sets, the beginning and end of pictures, what one leaves to the next.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "macroblock_state.hpp"
#include "motion.hpp"
#include "nal.hpp"
#include "picture_order.hpp"
#include "reference_lists.hpp"
#include "reference_memory.hpp"
#include "slice_header.hpp"

namespace ns_ray::h264 {

enum FrameType : std::uint8_t { kKeyFrame, kPFrame, kReferenceBFrame, kBFrame };

enum Weighting : std::uint8_t { kDefaultWeights, kExplicitWeights, kImplicitWeights };

// What prediction from a slice's blocks takes beside them. Fixed in layout as a Block is.
struct Slice {
  std::uint32_t first_macroblock;
  std::uint8_t type;       // a SliceType
  std::uint8_t weighting;  // a Weighting
  std::uint8_t luma_log2, chroma_log2;   // denominators of explicit weights
  std::uint8_t active[2];                // entries of each list
  std::uint8_t deblocking;               // whether the deblocking filter runs in it
  std::uint8_t qp;                       // SliceQPY
  std::int8_t pictures[2][kMaxReferences];  // the lists, as Block::picture; -1: not there
  std::int16_t explicit_weights[2][kMaxReferences][3][2];       // [list][reference][Y, Cb, Cr][weight, offset]
  std::int16_t implicit_weights[kMaxReferences][kMaxReferences];  // of list 1 in 1/64: [refIdxL0][refIdxL1]
};
static_assert(sizeof(Slice) == 940);

struct ParsedFrame {
  std::int64_t number = 0;  // in decode order
  FrameType type = kKeyFrame;
  bool idr = false;
  bool reference = false;       // others may refer to it
  std::int64_t poc_period = 0;  // counts where picture order counts begin anew
  int poc = 0;                  // frames are shown in order of both
  int slot = -1;                // where it is kept from then on, of 16; -1 where no other refers to it
  std::size_t size = 0;         // bytes of the packet that are its own
  std::shared_ptr<const Sps> sps;
  std::shared_ptr<const Motion> motion;
  std::vector<Slice> slices;
};

class FrameParser {
 public:
  // Memory stays under about 20 bytes a pixel of this limit: 17 frames of blocks.
  explicit FrameParser(std::int64_t max_pixels) : max_pixels_(max_pixels) {}

  // Takes parameter sets from the record of an AVCC stream, whose packets it expects from now on.
  void configure(std::span<const std::uint8_t> record);

  // Parses the frames of a packet, as a rule one. A frame that fails, and those that refer to it, count as missing, and
  // all others of its packet are lost with it.
  std::vector<ParsedFrame> parse(std::span<const std::uint8_t> packet);

 private:
  struct Current;  // the frame being parsed

  void take(const Nal& nal);
  void take_sps(BitReader bits);
  void take_slice(const Nal& nal);
  void begin_frame(const SliceHeader& slice);
  void fill_gap(const SliceHeader& slice);
  void add_slice(const SliceHeader& slice, BitReader bits);
  void finish_frame();
  void put_away(bool whole);

  std::int64_t max_pixels_;
  int length_size_ = 0;  // 0: Annex B
  ParameterSets sets_;
  Rbsp rbsp_;
  PictureOrder order_;
  ReferenceMemory memory_;
  std::shared_ptr<const Sps> active_;
  int previous_reference_frame_num_ = -1;  // -1: decoding begins
  std::int64_t next_number_ = 0;
  std::int64_t poc_period_ = -1;
  bool recovery_point_ = false;  // of the next frame
  std::size_t bytes_ = 0;        // that came since the last frame
  std::vector<MacroblockState> states_;
  std::shared_ptr<Current> current_;
  std::vector<ParsedFrame> done_;
};

}  // namespace ns_ray::h264
