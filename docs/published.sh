#!/usr/bin/env bash
# The published README's commands, steps 2 to 5, one after another, as jobs here (docs/artifact.md maps the names).
#
#     SMALL=1 bash docs/published.sh                              the shipped sample on a CPU, in minutes
#     OPTIONS="--config gpu.yaml" INSTANCE=h100 bash docs/published.sh     a GPU host, published content and sizes
#     CONTENT=match0 SOURCE=match.webm OPTIONS=... bash docs/published.sh              a video of yours
#
# Names in capitals are variables to set so. OPTIONS goes to every command: here the machine's configuration, with
# INSTANCE among its `instances`; TRAIN_OPTIONS and the like go to their own. The first command that fails ends it all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -n ${SMALL:-} ]]; then
    : ${CONTENT:=sample0} ${SOURCE:=dataset/sample/1080p_d4_test.webm} ${DURATION:=1} ${LR:=360} ${HR:=1080}
    : ${INSTANCE:=local} ${GPUS:=0} ${NUMBER:=60} ${MODE:=test} ${EPOCH:=1}
    : ${TRAIN_OPTIONS:=--set train.epochs=1 --set train.epoch_steps=15 --set train.batch=8 --set train.fps=4}
    : ${EXPORT_OPTIONS:=--precision fp16 --shapes fixed --count 1} ${QUALITY_OPTIONS:=--frames 20}
    : ${PLAN_OPTIONS:=--capability 7.5 --gpu-name Tesla_T4 --no-refit}
    : ${INFER_OPTIONS:=--requests 2 --warm-up 1 --naive-requests 1} ${ENCODER_OPTIONS:=--num-frames 60}
fi
: ${CONTENT:=lol0} ${SOURCE:=} ${DURATION:=60} ${LR:=720} ${HR:=2160} ${DATA:=dataset} ${RESULT:=result} ${OPTIONS:=}
: ${INSTANCE:=ae_server} ${GPUS:=1} ${VIDEOS:=1} ${NUMBER:=3000} ${MODE:=eval-small} ${EPOCH:=20}
: ${BLOCKS:=8} ${FEW:=16} ${MANY:=32} ${ANCHORS:=8}  # channels, of per-frame and of the others; selective's anchors
: ${TRAIN_OPTIONS:=} ${EXPORT_OPTIONS:=} ${PLAN_OPTIONS:=} ${INFER_OPTIONS:=} ${ENCODER_OPTIONS:=} ${QUALITY_OPTIONS:=}
S=$((HR / LR))
SMALLER=EDSR_B${BLOCKS}_F${FEW}_S$S LARGER=EDSR_B${BLOCKS}_F${MANY}_S$S
RUNS=$RESULT/evaluation/$INSTANCE/${LR}p/$LARGER
ON="--instance $INSTANCE --input_resolution $LR"
OF="--content $CONTENT --mode $MODE --input_resolution $LR --output_resolution $HR"
common=(--data_dir "$DATA" --result_dir "$RESULT" $OPTIONS)
set -x

# 2. Videos
python jobs/download.py ${SOURCE:+--video "$CONTENT=$SOURCE"} "${common[@]}"
python jobs/encode.py --duration $DURATION -c $CONTENT --input_resolution $LR --output_resolution $HR "${common[@]}"

# 3. DNNs
python jobs/train.py -c $CONTENT -d $DURATION -l $LR -h $HR -s $S -b $BLOCKS -f $FEW -m edsr \
    $TRAIN_OPTIONS "${common[@]}"
python jobs/train.py -c $CONTENT -d $DURATION -l $LR -h $HR -s $S -b $BLOCKS -f $MANY -m edsr \
    $TRAIN_OPTIONS "${common[@]}"
python jobs/export_onnx.py -c $CONTENT -d $DURATION -l $LR -s $S -b $BLOCKS -f $FEW -m edsr -e $EPOCH \
    $EXPORT_OPTIONS "${common[@]}"
python jobs/export_onnx.py -c $CONTENT -d $DURATION -l $LR -s $S -b $BLOCKS -f $MANY -m edsr -e $EPOCH \
    $EXPORT_OPTIONS "${common[@]}"

# 4-1. NeuroScaler's throughput. For the most streams, run it again with more VIDEOS until real time fails.
python jobs/build_engine.py -d $DURATION -c $CONTENT -l $LR -m $LARGER $PLAN_OPTIONS "${common[@]}"
python jobs/benchmark.py -g $GPUS -v $VIDEOS -i $INSTANCE -n $NUMBER -d $DURATION -c $CONTENT -r $LR -m $LARGER \
    --weights "$RESULT/$CONTENT/checkpoint/${LR}p_"*"kbps_d${DURATION}_train.webm/$LARGER/$LARGER.pt" \
    --paced --own-weights "${common[@]}"
python jobs/check_realtime.py --log_dir "$RUNS" --num_gpus $GPUS --num_videos $VIDEOS "${common[@]}" ||
    test -s "$RUNS/s${VIDEOS}g$GPUS/latest/realtime.json"  # "failed" is an answer, too

# 4-2. The others' throughput, and what the machine serves
python jobs/build_engine.py -d $DURATION -c $CONTENT -l $LR -m $SMALLER $PLAN_OPTIONS "${common[@]}"
python jobs/benchmark_infer.py -i $INSTANCE -d $DURATION -c $CONTENT -r $LR -m $SMALLER $INFER_OPTIONS "${common[@]}"
python jobs/benchmark_infer.py -i $INSTANCE -d $DURATION -c $CONTENT -r $LR -m $LARGER $INFER_OPTIONS "${common[@]}"
python jobs/benchmark_encoder.py --instance $INSTANCE --duration $DURATION --content $CONTENT \
    $ENCODER_OPTIONS "${common[@]}"
python jobs/measure_throughput.py $ON --num_blocks $BLOCKS --num_channels $FEW --target per-frame "${common[@]}"
python jobs/measure_throughput.py $ON --num_blocks $BLOCKS --num_channels $MANY --target selective \
    --num_anchors $ANCHORS "${common[@]}"
python jobs/measure_throughput.py $ON --num_blocks $BLOCKS --num_channels $MANY --target engorgio "${common[@]}"  # ours

# 5. Quality
python jobs/measure_quality.py $OF -d $DURATION --target per-frame --num_blocks $BLOCKS --num_channels $FEW \
    $QUALITY_OPTIONS "${common[@]}"
python jobs/measure_quality.py $OF -d $DURATION --target selective --num_blocks $BLOCKS --num_channels $MANY \
    --num_anchors $ANCHORS $QUALITY_OPTIONS "${common[@]}"
python jobs/measure_quality.py $OF -d $DURATION --target engorgio --num_blocks $BLOCKS --num_channels $MANY \
    $QUALITY_OPTIONS "${common[@]}"
python jobs/clear.py $OF "${common[@]}"
python jobs/clear.py $OF --num_blocks $BLOCKS --num_channels $FEW "${common[@]}"
python jobs/clear.py $OF --num_blocks $BLOCKS --num_channels $MANY "${common[@]}"
python jobs/clear.py $OF --num_blocks $BLOCKS --num_channels $MANY --avg_anchors 3 "${common[@]}"
