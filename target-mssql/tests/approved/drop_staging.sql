IF OBJECT_ID('tempdb..#load_18f0c0ffee_3') IS NOT NULL DROP TABLE #load_18f0c0ffee_3;
